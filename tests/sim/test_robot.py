from pathlib import Path

import numpy as np
import pytest

from hal.clock import ManualClock
from hal.errors import RobotWriteError, UnknownRobotError
from hal.robots.dclaw import DCLAW
from hal.types import JointCommand, ResetTarget
from sim.robot import MujocoRobot
from sim.scene import Scene

PERIOD_S = 0.1


@pytest.fixture
def robot(dclaw_scene: Scene):
    with MujocoRobot("dclaw", PERIOD_S, ManualClock(), dclaw_scene) as robot:
        robot.configure()
        robot.activate()
        yield robot


def random_motion(robot: MujocoRobot, seed: int) -> bytes:
    """All measurements of 30 periods of random targets after a reset, as bytes."""
    rng = np.random.default_rng(seed)
    robot.reset(ResetTarget(np.array(DCLAW.home_position_rad), rng.uniform(-1, 1, 1)))
    measured = b""
    for _ in range(30):
        target = rng.uniform(DCLAW.position_min_rad, DCLAW.position_max_rad)
        robot.write(JointCommand(target))
        state = robot.read()
        measured += state.joint_position_rad.tobytes() + state.object_velocity_rad_s.tobytes()
    return measured


def test_same_commands_give_the_same_bytes_whatever_happened_before(robot: MujocoRobot):
    first = random_motion(robot, seed=1)
    other = random_motion(robot, seed=2)
    assert random_motion(robot, seed=1) == first != other


def test_robots_that_share_a_scene_do_not_share_state(dclaw_scene: Scene, robot: MujocoRobot):
    with MujocoRobot("dclaw", PERIOD_S, ManualClock(), dclaw_scene) as other:
        other.configure()
        before = other.read().joint_position_rad
        random_motion(robot, seed=1)
        np.testing.assert_array_equal(other.read().joint_position_rad, before)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_fingers_sweep_the_valve_round(robot: MujocoRobot, side: float):
    robot.reset(ResetTarget(np.array(DCLAW.home_position_rad), np.zeros(1)))
    for top in (-0.45, 0.45):
        for _ in range(15):
            robot.write(JointCommand(np.array([top * side, 0.0, 0.3] * 3)))
    assert robot.read().object_position_rad[0] * side > 0.1


def test_hold_command_lets_the_robot_settle(robot: MujocoRobot):
    robot.reset(ResetTarget(np.array(DCLAW.home_position_rad), np.zeros(1)))
    hold = JointCommand(np.array(DCLAW.home_position_rad))
    for _ in range(30):
        robot.write(hold)
    state = robot.read()
    assert np.abs(state.joint_velocity_rad_s).max() < 0.01
    # Gain 2 without integral action sags under gravity, but not out of sight of its target.
    assert np.abs(state.joint_position_rad - hold.target).max() < 0.25


def test_reset_puts_the_valve_where_asked_and_clips_it(robot: MujocoRobot):
    home = np.array(DCLAW.home_position_rad)
    robot.reset(ResetTarget(home, np.array([-1.0])))
    assert robot.read().object_position_rad[0] == -1.0
    robot.reset(ResetTarget(home, np.array([7.0])))
    assert robot.read().object_position_rad[0] == pytest.approx(np.pi)


def test_time_stands_still_without_writes(robot: MujocoRobot):
    random_motion(robot, seed=3)
    robot.deactivate()
    np.testing.assert_array_equal(robot.read().joint_position_rad, robot.read().joint_position_rad)


def test_unmeasured_quantities_are_nan(robot: MujocoRobot):
    state = robot.read()
    assert np.isnan(state.joint_current_ma).all()
    assert np.isnan(state.joint_temperature_c).all()


def test_divergence_is_an_error_until_the_next_reset(
    robot: MujocoRobot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    home = np.array(DCLAW.home_position_rad)
    _, data = robot._simulation
    data.qvel[0] = np.nan
    with pytest.raises(RobotWriteError, match="mjWARN_BADQVEL") as caught:
        robot.write(JointCommand(home))
    assert caught.value.reason == "SIMULATION_INVALID"
    with pytest.raises(RobotWriteError):
        robot.write(JointCommand(home))
    robot.reset(ResetTarget(home, np.zeros(1)))
    robot.write(JointCommand(home))
    assert list(tmp_path.iterdir()) == []  # MuJoCo's own log file


@pytest.mark.parametrize("period_s", [0.0, -0.1, 0.001, 0.101, float("nan")])
def test_period_must_be_a_multiple_of_the_physics_step(dclaw_scene: Scene, period_s: float):
    robot = MujocoRobot("dclaw", period_s, ManualClock(), dclaw_scene)
    with pytest.raises(ValueError, match=r"multiple of the physics step 0\.0025 s"):
        robot.configure()


def test_unknown_robot_is_named_with_the_nearest():
    with pytest.raises(UnknownRobotError, match="'dclav'; did you mean 'dclaw'") as caught:
        MujocoRobot("dclav", PERIOD_S, ManualClock())
    assert caught.value.reason == "UNKNOWN_ROBOT"


def test_configures_from_the_installed_description():
    with MujocoRobot("dclaw", PERIOD_S, ManualClock()) as robot:
        robot.configure()
        np.testing.assert_allclose(robot.read().joint_position_rad, DCLAW.home_position_rad)
