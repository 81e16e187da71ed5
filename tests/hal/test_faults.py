import numpy as np
import pytest

from hal.faults import FlightRecorder


def record(recorder: FlightRecorder, cycle: int) -> None:
    recorder.record(cycle, cycle * 10, np.full(2, cycle), np.zeros(2), np.ones(2), "")


def test_keeps_the_last_fifty_in_order():
    recorder = FlightRecorder()
    for cycle in range(120):
        record(recorder, cycle)
    kept = recorder.cycles()
    assert [c.cycle for c in kept] == list(range(70, 120))
    assert kept[0].stamp_ns == 700
    assert kept[0].position == (70.0, 70.0)


def test_recorded_values_do_not_follow_the_callers_buffers():
    recorder = FlightRecorder()
    buffer = np.zeros(2)
    recorder.record(0, 0, buffer, buffer, buffer, "VELOCITY_LIMIT")
    buffer[:] = 9.0
    (cycle,) = recorder.cycles()
    assert cycle.position == cycle.velocity == cycle.command == (0.0, 0.0)
    assert cycle.verdict == "VELOCITY_LIMIT"


def test_cycle_without_a_command_and_clearing():
    recorder = FlightRecorder(capacity=1)
    recorder.record(0, 0, np.zeros(2), np.zeros(2), None, "STATE_STALE")
    assert recorder.cycles()[0].command == ()
    recorder.clear()
    assert recorder.cycles() == ()


def test_capacity_must_be_positive():
    with pytest.raises(ValueError, match="capacity is 0"):
        FlightRecorder(0)
