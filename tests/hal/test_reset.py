"""The ramp that all resets move by, and the plain reset from pose to pose."""

import numpy as np
import pytest

from hal.errors import RobotWriteError
from hal.reset import WaypointReset, ramp_towards
from hal.types import JointSpec, ResetTarget, RobotSpec, RobotState


def test_each_joint_moves_by_its_step_at_most_and_never_past_its_goal():
    reference, goal = np.array([0.0, 0.0, 1.0]), np.array([1.0, -0.05, 1.0])
    assert ramp_towards(reference, goal, 0.1).tolist() == [0.1, -0.05, 1.0]
    assert ramp_towards(reference, goal, np.array([0.5, 0.01, 9.0])).tolist() == [0.5, -0.01, 1.0]
    assert reference.tolist() == [0.0, 0.0, 1.0]


SPEC = RobotSpec(
    "arm", (JointSpec("a", -1.0, 1.0, 2.0), JointSpec("b", -1.0, 1.0, 2.0)), ("lid",), (0.0, 0.0)
)
SECOND_NS = 1_000_000_000


def seen(joints: list[float], lid: float = 0.0, speed: float = 0.0, valid: bool = True):
    nan = np.full(2, np.nan)
    return RobotState(
        0, 1, np.array(joints), np.full(2, speed), nan, nan, np.array([lid]), np.zeros(1),
        np.array([valid, True]),
    )  # fmt: skip


def plain_reset(**how) -> WaypointReset:
    return WaypointReset(SPEC, ResetTarget(np.array([0.5, 3.0]), np.array([0.2])), **how)


def target_of(reset: WaypointReset, state: RobotState, at_s: float = 0.0) -> list[float] | None:
    target = reset.step(state, round(at_s * SECOND_NS))
    return None if target is None else target.tolist()


def test_it_goes_from_pose_to_pose_and_ends_at_rest_at_the_start_within_the_range():
    reset = plain_reset(via=[(0.0, 0.3)])
    assert target_of(reset, seen([0.9, 0.9])) == [0.0, 0.3]
    assert target_of(reset, seen([0.05, 0.3], speed=1.0)) == [0.5, 1.0]
    assert target_of(reset, seen([0.5, 1.0], lid=0.2, speed=0.5)) == [0.5, 1.0]
    assert target_of(reset, seen([0.5, 1.0], lid=0.2, valid=False)) == [0.5, 1.0]
    assert target_of(reset, seen([0.5, 1.0], lid=0.2)) is None


def test_it_turns_objects_and_waits_for_them():
    reset = plain_reset()
    assert reset.object_goal_rad is not None
    assert reset.object_goal_rad.tolist() == [0.2]
    assert target_of(reset, seen([0.5, 1.0], lid=0.5)) == [0.5, 1.0]
    assert target_of(reset, seen([0.5, 1.0], lid=0.2 + 2 * np.pi)) is None


def test_patience_is_for_each_pose_and_the_error_names_what_is_off():
    reset = plain_reset(via=[(0.0, 0.0)], patience_s=2.0)
    assert target_of(reset, seen([0.9, 0.0]), 0.0) == [0.0, 0.0]
    assert target_of(reset, seen([0.0, 0.0]), 1.9) == [0.5, 1.0]
    assert target_of(reset, seen([0.4, 1.0], lid=0.2), 3.8) == [0.5, 1.0]
    with pytest.raises(RobotWriteError, match="a is 6 degrees off; clear what") as caught:
        target_of(reset, seen([0.4, 1.0], lid=0.2), 4.0)
    assert caught.value.reason == "RESET_FAILED"
