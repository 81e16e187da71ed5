"""The scripted reset alone, over joints that go where they are told, or do not."""

import numpy as np
import pytest

from hal.errors import RobotWriteError
from hal.robots.dclaw import (
    _WAYS_RAD,  # pyright: ignore[reportPrivateUsage]
    ATTEMPTS,
    DCLAW,
    DClawReset,
    Stage,
)
from hal.robots.registry import servo_layout
from hal.types import ResetTarget, RobotState, Vector
from sim.scene import build_scene

PERIOD_S = 0.05
HOME = np.array(DCLAW.home_position_rad)


class Claw:
    """Nine joints that follow at 2 rad/s, and a valve that follows while it is driven."""

    def __init__(self, stuck: int | None = None, stuck_until: int = 10**9) -> None:
        self.joints = np.zeros(9)
        self.valve = 2.0
        self.calls = 0
        self.open_while_turning: list[bool] = []
        self.path: list[Vector] = []
        self._stuck = stuck
        self._stuck_until = stuck_until
        self._before = self.joints.copy()

    def state(self) -> RobotState:
        nan = np.full(9, np.nan)
        return RobotState(
            0,
            self.calls,
            self.joints.copy(),
            (self.joints - self._before) / PERIOD_S,
            nan,
            nan,
            np.array([self.valve]),
            np.zeros(1),
            np.ones(9, dtype=np.bool_),
        )

    def follow(self, goal: Vector, valve_goal: Vector | None) -> None:
        self._before = self.joints.copy()
        moved = np.clip(goal - self.joints, -2 * PERIOD_S, 2 * PERIOD_S)
        if self._stuck is not None and self.calls < self._stuck_until:
            moved[self._stuck] = 0.0
        self.joints += moved
        self.path.append(self.joints.copy())
        if valve_goal is not None:
            self.open_while_turning.append(bool((self.joints[::3] > 0.5).all()))
            ahead = (valve_goal[0] - self.valve + np.pi) % (2 * np.pi) - np.pi
            self.valve += float(np.clip(ahead, -0.1, 0.1))
        self.calls += 1


def run(reset: DClawReset, claw: Claw) -> set[Stage]:
    stages: set[Stage] = set()
    for _ in range(4000):
        goal = reset.step(claw.state(), round(claw.calls * PERIOD_S * 1e9))
        if goal is None:
            return stages
        stages.add(reset._progress.stage)  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]
        claw.follow(goal, reset.object_goal_rad)
    raise AssertionError("the reset does not end")


def target(joints: Vector = HOME, valve: float = -0.5) -> ResetTarget:
    return ResetTarget(joints, np.array([valve]))


def test_turns_the_valve_only_while_the_fingers_are_out_of_it():
    claw = Claw()
    stages = run(DClawReset(DCLAW, target()), claw)
    assert np.abs(claw.joints - HOME).max() < np.radians(5)
    assert claw.valve == pytest.approx(-0.5, abs=np.radians(5))
    assert claw.open_while_turning
    assert all(claw.open_while_turning)
    assert Stage.RELEASE not in stages


def test_fingers_swing_in_raised_and_are_lowered_last():
    """A stiff finger that swings in low takes the valve along, to where it must not be."""
    claw, low = Claw(), np.zeros(9)
    run(DClawReset(DCLAW, target(low)), claw)
    path = np.array(claw.path)
    swung_out = int(np.argmax(path[:, 0]))
    tops, middles = path[swung_out:, 0], path[swung_out:, 1]
    between = (tops > np.radians(12)) & (tops < np.radians(40))
    assert between.any()
    assert np.abs(middles[between] - HOME[1]).max() < np.radians(8)
    assert np.abs(claw.joints - low).max() < np.radians(5)


def test_caught_finger_is_let_go_and_led_out_again():
    claw = Claw(stuck=4, stuck_until=300)
    stages = run(DClawReset(DCLAW, target()), claw)
    assert Stage.RELEASE in stages
    assert np.abs(claw.joints - HOME).max() < np.radians(5)


@pytest.mark.parametrize("joint", [0, 4, 8])
def test_gives_up_after_bounded_attempts_naming_the_joint(joint: int):
    claw = Claw(stuck=joint)
    claw.joints[joint] = -0.4
    with pytest.raises(RobotWriteError) as caught:
        run(DClawReset(DCLAW, target()), claw)
    assert caught.value.reason == "RESET_FAILED"
    assert DCLAW.joint_names[joint] in str(caught.value)
    assert f"{ATTEMPTS} attempts" in str(caught.value)
    assert claw.calls * PERIOD_S < 60


def test_target_is_cut_to_the_range_of_commands():
    claw = Claw()
    run(DClawReset(DCLAW, target(np.full(9, 50.0))), claw)
    assert np.abs(claw.joints - DCLAW.position_max_rad).max() < np.radians(5)


def test_whole_turns_of_the_valve_do_not_matter():
    claw = Claw()
    claw.valve = 0.3 + 2 * np.pi
    reset = DClawReset(DCLAW, target(valve=0.3))
    run(reset, claw)
    assert len(claw.open_while_turning) < 40


class CaughtClaw(Claw):
    """Its first finger is hooked: it comes free only when its top swings inwards."""

    def __init__(self) -> None:
        super().__init__()
        self.is_free = False
        self.lowest = 0.0

    def follow(self, goal: Vector, valve_goal: Vector | None) -> None:
        held = self.joints[:2].copy()
        super().follow(goal, valve_goal)
        tops = slice(0, None, 3)
        self.joints[tops] = np.clip(self.joints[tops], -0.45, 1.35)  # the stops of the joints
        self.lowest = min(self.lowest, self.joints[0])
        self.is_free |= bool(self.joints[0] < -0.3)
        if not self.is_free:
            self.joints[0] = min(self.joints[0], 0.1)
            self.joints[1] = held[1]


def test_a_finger_that_comes_free_inwards_only_is_led_that_way():
    claw = CaughtClaw()
    reset = DClawReset(DCLAW, target())
    run(reset, claw)
    assert claw.is_free
    assert reset._progress.attempt == 3  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]
    assert np.abs(claw.joints - HOME).max() < np.radians(5)


def test_every_way_of_the_fingers_is_within_their_travel_and_their_stops():
    tops = servo_layout("dclaw").joints[::3]
    scene = build_scene(DCLAW)
    stops = scene.model.jnt_range[[scene.model.joint(j.name).id for j in tops]]
    for angle in filter(None, _WAYS_RAD):
        assert all(top.travel_min_rad < angle < top.travel_max_rad for top in tops)
        assert (stops[:, 0] < angle).all()
        assert (angle < stops[:, 1]).all()


@pytest.mark.parametrize(("joint", "others"), [(3, "FFJ11"), (4, "FFJ10")])
def test_only_joints_that_the_stage_waits_for_are_blamed(joint: int, others: str):
    claw = Claw(stuck=joint)
    claw.joints[joint] = -0.4
    with pytest.raises(RobotWriteError) as caught:
        run(DClawReset(DCLAW, target(), attempts=1 if joint == 3 else 2), claw)
    assert "degrees off" in str(caught.value)
    assert DCLAW.joint_names[joint] in str(caught.value)
    assert others not in str(caught.value)
