"""A simulated robot that torques and forces drive, and what it senses besides its joints."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hal.clock import ManualClock
from hal.errors import AssetError, CommandError
from hal.robot import Robot
from hal.safety import SafetyGate
from hal.types import JointCommand, ResetTarget, SensorSpec
from sim.robot import MujocoRobot
from tests.conformance.driven_pendulum import CART_N, SCENE, SPEC, SWING_NM, driven_pendulum

PERIOD_S = 0.02
CART, SWING = 0, 1


@pytest.fixture
def robot(define, tmp_path: Path):
    define(driven_pendulum(tmp_path))
    with MujocoRobot(SPEC.model, PERIOD_S, ManualClock()) as robot:
        robot.configure()
        robot.activate()
        yield robot


def push(robot: Robot, cart: float = 0.0, swing: float = 0.0, wrist: float = 0.0) -> None:
    robot.write(SPEC.command(np.array([cart, swing, wrist])))


def controls(robot: MujocoRobot) -> list[float]:
    return robot._simulation[1].ctrl.tolist()


def test_activation_exerts_nothing(robot: MujocoRobot):
    assert controls(robot) == [0.0, 0.0, 0.0]


def test_a_torque_is_in_newton_metres_whatever_the_gear(robot: MujocoRobot):
    push(robot, swing=1.5)
    state = robot.read()
    assert state.sensors["swing_torque"] == pytest.approx([1.5])
    assert state.joint_velocity_rad_s[SWING] > 0.2


def test_a_force_accelerates_the_cart_as_its_mass_says(robot: MujocoRobot):
    push(robot, cart=CART_N)
    speed = robot.read().joint_velocity_rad_s[CART]
    # Rod and hand hang on the cart's hinge: at first they follow it in part.
    assert CART_N * PERIOD_S / 1.22 < speed < CART_N * PERIOD_S / 1.0


def test_without_a_torque_the_pendulum_comes_to_hang(robot: MujocoRobot):
    robot.reset(ResetTarget(np.array([0.0, 1.0, 0.0]), np.zeros(0)))
    assert controls(robot)[:2] == [0.0, 0.0]
    for _ in range(3000):
        push(robot)
    assert abs(robot.read().joint_position_rad[SWING]) < 0.05


@pytest.mark.parametrize(
    ("cart", "swing", "unit"), [(CART_N * 1.01, 0.0, "N"), (0.0, -SWING_NM * 1.01, "N m")]
)
def test_an_effort_beyond_its_range_is_refused_and_moves_nothing(
    robot: MujocoRobot, cart: float, swing: float, unit: str
):
    before = robot.read().joint_position_rad
    with pytest.raises(CommandError, match=rf"limit \[.*\] {unit}$") as caught:
        push(robot, cart, swing)
    assert caught.value.reason == "COMMAND_OUT_OF_RANGE"
    np.testing.assert_array_equal(robot.read().joint_position_rad, before)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_effort_that_is_not_finite_is_refused(robot: MujocoRobot, value: float):
    with pytest.raises(CommandError, match=r"'swing'.*finite number in N m") as caught:
        push(robot, swing=value)
    assert caught.value.reason == "COMMAND_NOT_FINITE"


def test_positions_for_joints_that_efforts_drive_are_refused(robot: MujocoRobot):
    with pytest.raises(CommandError, match="'cart' is driven by force and got a position") as error:
        robot.write(JointCommand(np.zeros(3)))
    assert error.value.reason == "COMMAND_KIND"


@pytest.mark.parametrize("how", ["deactivate", "reset", "close and configure"])
def test_no_effort_is_left_after(robot: MujocoRobot, how: str):
    push(robot, 1.0, 1.0, 0.3)
    assert controls(robot)[:2] == [1.0, 0.25]
    if how == "deactivate":
        assert robot.deactivate() == ()
    elif how == "reset":
        robot.reset(ResetTarget(np.zeros(3), np.zeros(0)))
    else:
        robot.close()
        robot.configure()
    assert controls(robot)[:2] == [0.0, 0.0]


def test_through_the_gate_it_swings_up_and_stays_below_its_speed(robot: MujocoRobot):
    gate, speeds, angles = SafetyGate(SPEC, PERIOD_S), [], []
    for _ in range(400):
        state = robot.read()
        pump = 100.0 * np.sign(state.joint_velocity_rad_s[SWING] or 1.0)
        wanted = SPEC.command(np.array([0.0, pump, 0.0]))
        verdict = gate.check(state, wanted, state.stamp_ns)
        assert verdict.command is not None
        robot.write(verdict.command)
        speeds.append(abs(state.joint_velocity_rad_s[SWING]))
        angles.append(abs(state.joint_position_rad[SWING]))
    assert max(angles) > np.pi / 2
    assert max(speeds) < 2 * SPEC.velocity_max_rad_s[SWING]


def test_sensors_tell_of_the_moment_of_the_measurement(robot: MujocoRobot):
    robot.reset(ResetTarget(np.array([0.5, 0.0, 0.0]), np.zeros(0)))
    np.testing.assert_allclose(robot.read().sensors["tip"], [0.5, 0.0, 0.45])
    push(robot, swing=1.0)
    state = robot.read()
    angle = state.joint_position_rad
    rod, hand = angle[SWING], angle[SWING] + angle[2]
    x = angle[CART] - 0.5 * np.sin(rod) - 0.05 * np.sin(hand)
    z = 1.0 - 0.5 * np.cos(rod) - 0.05 * np.cos(hand)
    np.testing.assert_allclose(state.sensors["tip"], [x, 0.0, z], atol=1e-9)
    kept = state.sensors["tip"].copy()
    push(robot, swing=1.0)
    np.testing.assert_array_equal(state.sensors["tip"], kept)


def test_same_efforts_give_the_same_bytes_however_often_it_is_read(robot: MujocoRobot):
    def motion(reads: int) -> bytes:
        rng = np.random.default_rng(3)
        robot.reset(ResetTarget(np.zeros(3), np.zeros(0)))
        seen = b""
        for _ in range(20):
            push(robot, *rng.uniform(-1, 1, 3))
            for _ in range(reads):
                state = robot.read()
            seen += state.joint_position_rad.tobytes() + state.sensors["tip"].tobytes()
        return seen

    assert motion(1) == motion(3)


@pytest.mark.parametrize(
    ("spec", "scene", "says"),
    [
        (SPEC, SCENE.replace('<motor name="push"', '<position name="push" kp="3"'), "no motor"),
        (SPEC, SCENE.replace("-0.5 0.5", "-0.4 0.4"), r"no more than \[-1.6, 1.6\] N m"),
        (SPEC, SCENE.replace('<motor name="push" joint="cart"/>', ""), "0 actuators on joint"),
        (replace(SPEC, sensors=(SensorSpec("tip", 2),)), SCENE, "gives 3 numbers, expected 2"),
        (replace(SPEC, sensors=(SensorSpec("nose", 3),)), SCENE, "mjOBJ_SENSOR named 'nose'"),
    ],
    ids=["position actuator", "weak motor", "no actuator", "size", "no sensor"],
)
def test_a_scene_that_does_not_fit_is_refused(define, tmp_path, spec, scene, says):
    define(driven_pendulum(tmp_path, spec, scene))
    with pytest.raises(AssetError, match=says):
        MujocoRobot(spec.model, PERIOD_S, ManualClock()).configure()


def test_servos_on_a_bus_take_no_torques():
    from hal.description import DescriptionError, RobotDescription, ServoJoint, ServoLayout

    servos = tuple(ServoJoint(j.name, 1 + i, 1.0, 0.0, -3, 3) for i, j in enumerate(SPEC.joints))
    with pytest.raises(DescriptionError, match="its servos take positions"):
        RobotDescription(SPEC, servos=ServoLayout(servos))
