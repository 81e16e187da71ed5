"""Cycles come as they were pushed; what finds no room is missed by its number."""

from dataclasses import replace

import numpy as np

from hal.types import RobotState
from services.ipc.cycle_stream import CycleRecord, CycleStream
from tests.services.ipc.test_state_board import kitty_state, robot_state


def pair(size: int = 1 << 16) -> tuple[CycleStream, CycleStream]:
    memory = bytearray(size)
    return CycleStream(memoryview(memory)), CycleStream(memoryview(memory))


def push(stream: CycleStream, cycle: int, state: RobotState, command: np.ndarray | None) -> None:
    stream.push(cycle, 3, 7, "t00000012", 5, state, command, 0 if command is None else 2_000)


def same(found: RobotState, expected: RobotState) -> bool:
    """Field by field, NaN where it is NaN."""
    assert repr(found.sensors) == repr(dict(expected.sensors))
    names = [name for name in RobotState.__slots__ if name not in ("sensors", "object_valid")]
    pairs = [(getattr(found, name), getattr(expected, name)) for name in names]
    return all(np.array_equal(np.float64(a), np.float64(b), equal_nan=True) for a, b in pairs)


def test_a_cycle_comes_as_it_was():
    control, service = pair()
    sensed = {"force_n": np.array([0.5, np.nan]), "tip": np.zeros(1)}
    sent, states = np.linspace(-1, 1, 12), [replace(kitty_state(), sensors=sensed), robot_state(4)]
    push(control, 1, states[0], sent)
    push(control, 2, states[1], None)
    first, second = service.take()
    assert first[:6] == (0, 1, 3, 7, "t00000012", 5)
    assert second.number == 1
    assert all(same(c.state, s) for c, s in zip((first, second), states, strict=True))
    np.testing.assert_array_equal(first.command, sent)
    assert (first.command_ns, first.state.stamp_ns) == (2_000, 7), "each has its own time"
    assert (second.command, second.command_ns) == (None, 0)
    assert service.take() == []


def test_a_full_ring_loses_the_newest_and_never_waits():
    control, service = pair(4096)
    for cycle in range(100):
        push(control, cycle, robot_state(1.0), np.zeros(9))
    kept = service.take()
    assert 2 <= len(kept) < 20
    assert [c.number for c in kept] == list(range(len(kept)))
    push(control, 100, robot_state(1.0), None)
    (after,) = service.take()
    assert isinstance(after, CycleRecord)
    assert after.number == 100
