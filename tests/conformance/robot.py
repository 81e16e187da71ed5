"""What every robot must do, whatever carries out its commands.

Subclass `RobotContract` in a test module, with a `robot` fixture that yields an unconfigured robot
and a `clock` fixture with the clock it was built on.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hal.clock import Clock
from hal.errors import CommandError, LifecycleError
from hal.lifecycle import Lifecycle
from hal.robot import ResetProgress, Robot
from hal.types import JointCommand, ResetTarget, RobotState


def home_command(robot: Robot) -> JointCommand:
    return JointCommand(np.array(robot.spec.home_position_rad))


def home_target(robot: Robot) -> ResetTarget:
    spec = robot.spec
    objects, bodies = np.zeros(len(spec.objects)), np.zeros((len(spec.bodies), 6))
    return ResetTarget(np.array(spec.home_position_rad), objects, bodies)


class RobotContract:
    """The suite; attributes say what the robot under test is capable of."""

    period_s: float
    position_tolerance_rad = np.radians(5)
    velocity_tolerance_rad_s = 0.1
    reset_calls_max = 1

    @pytest.fixture
    def active(self, robot: Robot) -> Robot:
        robot.configure()
        robot.activate()
        return robot

    def run_cycles(
        self, robot: Robot, clock: Clock, command: JointCommand, count: int
    ) -> RobotState:
        start = clock.now_ns()
        for cycle in range(count):
            robot.write(command)
            clock.sleep_until(start + round((cycle + 1) * self.period_s * 1e9))
        return robot.read()

    def reset_fully(self, robot: Robot, clock: Clock, target: ResetTarget) -> RobotState:
        start = clock.now_ns()
        for call in range(self.reset_calls_max):
            if robot.reset(target) is ResetProgress.DONE:
                return robot.read()
            clock.sleep_until(start + round((call + 1) * self.period_s * 1e9))
        pytest.fail(f"reset not done after {self.reset_calls_max} calls")

    # --- before and after use

    @pytest.mark.parametrize(
        "call",
        [
            lambda robot: robot.read(),
            lambda robot: robot.activate(),
            lambda robot: robot.write(home_command(robot)),
            lambda robot: robot.deactivate(),
            lambda robot: robot.reset(home_target(robot)),
        ],
        ids=["read", "activate", "write", "deactivate", "reset"],
    )
    def test_unconfigured_robot_refuses(self, robot: Robot, call: Callable[[Robot], object]):
        assert robot.lifecycle is Lifecycle.UNCONFIGURED
        with pytest.raises(LifecycleError, match="UNCONFIGURED"):
            call(robot)

    def test_names_its_provenance(self, robot: Robot):
        assert robot.backend
        assert robot.calibration_version
        assert robot.spec.model

    def test_configures_once(self, robot: Robot):
        robot.configure()
        assert robot.lifecycle is Lifecycle.INACTIVE
        with pytest.raises(LifecycleError, match="configure needs UNCONFIGURED"):
            robot.configure()

    def test_close_is_repeatable_and_leaves_it_unconfigured(self, active: Robot):
        active.close()
        active.close()
        assert active.lifecycle is Lifecycle.UNCONFIGURED
        with pytest.raises(LifecycleError):
            active.read()

    def test_configures_again_after_close(self, robot: Robot):
        robot.configure()
        robot.close()
        robot.configure()
        assert robot.read().sequence == 1

    def test_context_closes_after_an_error(self, robot: Robot):
        def fail_while_active() -> None:
            with robot:
                robot.configure()
                robot.activate()
                raise KeyError("joint")

        with pytest.raises(KeyError):
            fail_while_active()
        assert robot.lifecycle is Lifecycle.UNCONFIGURED

    # --- measuring

    def test_measurement_has_shapes_and_units(self, robot: Robot, clock: Clock):
        robot.configure()
        before = clock.now_ns()
        state = robot.read()
        joints, objects = len(robot.spec.joints), len(robot.spec.objects)
        for value in (
            state.joint_position_rad,
            state.joint_velocity_rad_s,
            state.joint_current_ma,
            state.joint_temperature_c,
        ):
            assert value.shape == (joints,)
            assert value.dtype == np.float64
        assert state.object_position_rad.shape == state.object_velocity_rad_s.shape == (objects,)
        assert state.valid.dtype == np.bool_
        assert state.valid.all()
        assert np.isfinite(state.joint_position_rad).all()
        bodies = len(robot.spec.bodies)
        assert state.body_pose.shape == state.body_velocity.shape == (bodies, 6)
        assert state.body_valid.shape == (bodies,)
        assert state.is_valid
        assert before <= state.stamp_ns <= clock.now_ns()

    def test_sequence_counts_reads(self, robot: Robot):
        robot.configure()
        states = [robot.read() for _ in range(3)]
        assert [s.sequence for s in states] == [1, 2, 3]
        assert states[0].stamp_ns <= states[1].stamp_ns <= states[2].stamp_ns

    def test_measurement_is_not_changed_by_later_ones(self, active: Robot, clock: Clock):
        state = active.read()
        kept = state.joint_position_rad.copy()
        self.run_cycles(active, clock, self.offset_command(active, state, 0.1), 3)
        np.testing.assert_array_equal(state.joint_position_rad, kept)

    # --- commanding

    def test_inactive_never_writes(self, robot: Robot):
        robot.configure()
        before = robot.read().joint_position_rad
        with pytest.raises(LifecycleError, match="write needs ACTIVE"):
            robot.write(home_command(robot))
        with pytest.raises(LifecycleError, match="reset needs ACTIVE"):
            robot.reset(home_target(robot))
        assert np.abs(robot.read().joint_position_rad - before).max() < 0.01

    def test_activation_moves_nothing(self, robot: Robot):
        robot.configure()
        before = robot.read().joint_position_rad
        robot.activate()
        assert robot.lifecycle is Lifecycle.ACTIVE
        assert np.abs(robot.read().joint_position_rad - before).max() < 2 * 2 * np.pi / 4096

    def test_second_activation_is_refused(self, active: Robot):
        with pytest.raises(LifecycleError, match="activate needs INACTIVE"):
            active.activate()

    def test_write_returns_what_was_sent(self, active: Robot):
        command = home_command(active)
        sent = active.write(command)
        assert np.abs(sent.target - command.target).max() < 2 * np.pi / 4096
        command.target[:] = 99.0
        assert np.abs(sent.target).max() < 99.0

    def test_moves_towards_the_target(self, active: Robot, clock: Clock):
        start = self.reset_fully(active, clock, self.centre_target(active))
        for sign in (1.0, -1.0):
            command = self.offset_command(active, start, 0.2 * sign)
            end = self.run_cycles(active, clock, command, 10)
            moved = end.joint_position_rad - start.joint_position_rad
            assert (moved * sign > 0.02).all()

    @pytest.mark.parametrize(
        ("spoil", "reason"),
        [
            (lambda p: p[:-1], "COMMAND_SHAPE"),
            (lambda p: p[None], "COMMAND_SHAPE"),
            (lambda p: p.astype(np.float32), "COMMAND_SHAPE"),
            (lambda p: list(p), "COMMAND_SHAPE"),
            (lambda p: p * np.nan, "COMMAND_NOT_FINITE"),
            (lambda p: p + np.inf, "COMMAND_NOT_FINITE"),
            (lambda p: p + 100.0, "COMMAND_OUT_OF_RANGE"),
            (lambda p: p - 100.0, "COMMAND_OUT_OF_RANGE"),
        ],
    )
    def test_wrong_command_is_refused_and_moves_nothing(
        self, active: Robot, spoil: Callable[[np.ndarray], np.ndarray], reason: str
    ):
        before = active.read().joint_position_rad
        with pytest.raises(CommandError) as caught:
            active.write(JointCommand(spoil(home_command(active).target)))
        assert caught.value.reason == reason
        assert active.lifecycle is Lifecycle.ACTIVE
        assert np.abs(active.read().joint_position_rad - before).max() < 0.01

    def test_deactivation_is_repeatable_and_stops_writes(self, active: Robot):
        assert active.deactivate() == ()
        assert active.deactivate() == ()
        assert active.lifecycle is Lifecycle.INACTIVE
        with pytest.raises(LifecycleError):
            active.write(home_command(active))
        active.activate()
        active.write(home_command(active))

    # --- resetting

    def test_reset_reaches_its_target_at_rest(self, active: Robot, clock: Clock):
        target = home_target(active)
        state = self.reset_fully(active, clock, target)
        error = np.abs(state.joint_position_rad - target.joint_position_rad)
        assert error.max() < self.position_tolerance_rad
        assert np.abs(state.joint_velocity_rad_s).max() < self.velocity_tolerance_rad_s
        error = np.abs(state.object_position_rad - target.object_position_rad)
        assert (error < self.position_tolerance_rad).all()

    def test_reset_clips_to_the_range(self, active: Robot, clock: Clock):
        target = home_target(active)
        target.joint_position_rad[0] = 50.0
        state = self.reset_fully(active, clock, target)
        limit = active.spec.position_max_rad[0]
        assert abs(state.joint_position_rad[0] - limit) < self.position_tolerance_rad

    @pytest.mark.parametrize(
        ("spoil", "reason"),
        [
            (lambda p: p[:-1], "RESET_TARGET_SHAPE"),
            (lambda p: p * np.nan, "RESET_TARGET_NOT_FINITE"),
        ],
    )
    @pytest.mark.parametrize("part", ["joint_position_rad", "object_position_rad"])
    def test_wrong_reset_target_is_refused(
        self, active: Robot, spoil: Callable[[np.ndarray], np.ndarray], reason: str, part: str
    ):
        target = home_target(active)
        parts = {
            name: getattr(target, name) for name in ("joint_position_rad", "object_position_rad")
        }
        if parts[part].size == 0:
            pytest.skip("robot senses no objects")
        parts[part] = spoil(parts[part] + 0.1)
        with pytest.raises(CommandError) as caught:
            active.reset(replace(target, **parts))
        assert caught.value.reason == reason

    @staticmethod
    def centre_target(robot: Robot) -> ResetTarget:
        spec = robot.spec
        centre = 0.5 * (spec.position_min_rad + spec.position_max_rad)
        return ResetTarget(centre, np.zeros(len(spec.objects)), np.zeros((len(spec.bodies), 6)))

    @staticmethod
    def offset_command(robot: Robot, state: RobotState, offset_rad: float) -> JointCommand:
        spec = robot.spec
        target = state.joint_position_rad + offset_rad
        return JointCommand(np.clip(target, spec.position_min_rad, spec.position_max_rad))
