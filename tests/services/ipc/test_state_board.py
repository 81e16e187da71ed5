import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from hal.types import RobotState
from services.ipc.latest_value import LatestValue, ValueUnreadableError
from services.ipc.segment import SegmentSizes, SharedSegment
from services.ipc.state_board import BoardRecord, EpisodeOnBoard, LoopOnBoard, StateBoard
from tests.hal.states import make_state


def robot_state(value: float, joints: int = 9) -> RobotState:
    vector = np.full(joints, value)
    return RobotState(
        int(value), int(value), vector, vector + 1, vector + 2, vector * np.nan,
        np.array([value]), np.array([-value]), vector > -1,
    )  # fmt: skip


def kitty_state() -> RobotState:
    vector = np.arange(12.0)
    return RobotState(
        7, 8, vector, vector + 1, vector + 2, vector * np.nan, np.zeros(0), np.zeros(0),
        vector > 3, np.arange(12.0).reshape(2, 6), -np.arange(12.0).reshape(2, 6),
        np.array([True, False]),
    )  # fmt: skip


def record(value: int) -> BoardRecord:
    return BoardRecord(
        3, value, value, value, value, value, robot_state(value),
        EpisodeOnBoard("operations/x", f"t{value:08d}", value, 9), LoopOnBoard(cycles=value),
    )  # fmt: skip


def board() -> StateBoard:
    return StateBoard(memoryview(bytearray(16384)))


def test_round_trip():
    shown = board()
    assert shown.read() is None
    shown.publish(record(5))
    found = shown.read()
    assert found is not None
    assert found.state is not None
    assert (found.lifecycle, found.cycle, found.rows_total) == (3, 5, 5)
    assert found.episode == EpisodeOnBoard("operations/x", "t00000005", 5, 9)
    assert found.loop.cycles == 5
    np.testing.assert_array_equal(found.state.joint_velocity_rad_s, np.full(9, 6.0))
    np.testing.assert_array_equal(found.state.joint_temperature_c, np.full(9, np.nan))
    np.testing.assert_array_equal(found.state.object_velocity_rad_s, [-5.0])
    assert found.state.valid.dtype == bool
    assert found.state.valid.all()


def test_bodies_and_each_joint_s_validity_make_the_round_trip():
    shown = board()
    sent = kitty_state()
    shown.publish(replace(record(5), state=sent))
    found = shown.read()
    assert found is not None
    assert found.state is not None
    for name in ("body_pose", "body_velocity", "body_valid", "valid", "object_position_rad"):
        np.testing.assert_array_equal(getattr(found.state, name), getattr(sent, name))
    assert found.state.body_valid.dtype == bool
    assert not found.state.is_valid
    assert found.episode.episode_id == "t00000005"


def test_an_object_that_was_not_measured_makes_the_state_invalid_and_no_joint():
    shown = board()
    state = make_state(object_valid=np.zeros(1, dtype=np.bool_))
    shown.publish(replace(record(5), state=state))
    found = shown.read()
    assert found is not None
    assert found.state is not None
    assert found.state.valid.all()
    assert found.state.object_valid.tolist() == [False]
    assert not found.state.is_valid


def test_record_without_a_measurement():
    shown = board()
    shown.publish(BoardRecord(1, 0, 0, 0, 0, 0, None))
    found = shown.read()
    assert found is not None
    assert found.state is None


def test_changed_text_is_seen():
    shown = board()
    for value in (1, 2):
        shown.publish(record(value))
        found = shown.read()
        assert found is not None
        assert found.episode.episode_id == f"t{value:08d}"


def test_a_writer_that_dies_half_way_leaves_the_last_value():
    memory = bytearray(256)
    latest = LatestValue(memoryview(memory))
    latest.publish(b"one")
    memory[64 : 64 + 40] = b"\xff" * 40  # the other buffer, half overwritten
    assert latest.read() == (1, b"one")


def test_overwritten_value_is_never_returned():
    memory = bytearray(256)
    latest = LatestValue(memoryview(memory))
    latest.publish(b"one")
    memory[64 + 96 + 17] ^= 1
    with pytest.raises(ValueUnreadableError):
        latest.read()


def test_too_large_a_value_is_refused():
    latest = LatestValue(memoryview(bytearray(256)))
    with pytest.raises(ValueError, match="at most 80"):
        latest.publish(b"x" * 81)
    assert latest.read() is None


CHILD = """
import sys
import numpy as np
from hal.types import RobotState
from services.ipc.segment import SharedSegment
from services.ipc.state_board import BoardRecord, StateBoard

segment = SharedSegment.attach(int(sys.argv[1]))
board = StateBoard(segment.board)
for value in range(1, 20001):
    v = np.full(9, float(value))
    state = RobotState(value, value, v, v, v, v, v[:1], v[:1], v > 0)
    board.publish(BoardRecord(2, value, value, value, value, value, state))
"""


def test_two_processes_never_see_a_torn_record():
    with SharedSegment.create(SegmentSizes(rows=4096)) as segment:
        shown = StateBoard(segment.board)
        child = subprocess.Popen(
            [sys.executable, "-P", "-c", CHILD, str(segment.descriptor)],
            pass_fds=[segment.descriptor],
        )
        try:
            seen, deadline = 0, time.monotonic() + 60
            while seen < 20000 and time.monotonic() < deadline:
                found = shown.read()
                if found is None:
                    continue
                assert found.state is not None
                assert found.cycle >= seen
                seen = found.cycle
                assert found.published_ns == found.state.stamp_ns == seen
                np.testing.assert_array_equal(found.state.joint_position_rad, np.full(9, seen))
                np.testing.assert_array_equal(found.state.object_velocity_rad_s, [seen])
            assert seen == 20000
            assert child.wait(10) == 0
        finally:
            child.kill()
            child.wait()
