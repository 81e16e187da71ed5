"""The motor model: the plain simulation's actuator at factory gains, physics elsewhere."""

from math import inf, pi

# MuJoCo's extension modules come without type stubs.
# pyright: reportAttributeAccessIssue=false
import mujoco
import numpy as np
import pytest

from sim.scene import Scene
from sim.servo.motor import (
    XM430_W350_MOTOR,
    Control,
    Gains,
    Motor,
    MotorCommand,
    MotorOutput,
    bus_voltage,
)

STEP_S = 0.0025
AT_REST = (0.0, 0.0, 12.0, STEP_S)


def make_motor(stiffness_nm_rad: float = 2.0, *, saturates: bool = False) -> Motor:
    return Motor(XM430_W350_MOTOR, stiffness_nm_rad, saturates=saturates)


def spin(motor: Motor, command: MotorCommand, *, inertia: float, seconds: float) -> float:
    """Final speed of a free shaft."""
    position = speed = 0.0
    for _ in range(round(seconds / STEP_S)):
        speed += motor.step(command, position, speed, 12.0, STEP_S).torque_nm / inertia * STEP_S
        position += speed * STEP_S
    return speed


def test_with_factory_gains_the_claw_moves_as_in_the_plain_simulation(dclaw_scene: Scene) -> None:
    model = dclaw_scene.model
    plain, driven = mujoco.MjData(model), mujoco.MjData(model)
    joints = len(dclaw_scene.actuators)
    motors = [make_motor(float(model.actuator_gainprm[i, 0])) for i in dclaw_scene.actuators]
    rng = np.random.default_rng(0)
    passive = model.opt.disableflags
    for _ in range(10):
        goals = rng.uniform(-0.45, 0.45, joints)
        for _ in range(40):
            model.opt.disableflags = passive
            plain.ctrl[dclaw_scene.actuators] = goals
            mujoco.mj_step(model, plain)
            for motor, goal, qpos, dof in zip(
                motors, goals, dclaw_scene.joint_qpos, dclaw_scene.joint_dof, strict=True
            ):
                command = MotorCommand(Control.POSITION, position_rad=goal)
                output = motor.step(command, driven.qpos[qpos], driven.qvel[dof], 12.0, STEP_S)
                driven.qfrc_applied[dof] = output.torque_nm
            model.opt.disableflags = passive | int(mujoco.mjtDisableBit.mjDSBL_ACTUATION)
            mujoco.mj_step(model, driven)
    model.opt.disableflags = passive
    assert np.abs(plain.qpos).max() > 0.1
    np.testing.assert_allclose(driven.qpos, plain.qpos, atol=1e-9)


def test_stiffness_scales_with_the_position_gain() -> None:
    command = MotorCommand(Control.POSITION, position_rad=0.3, gains=Gains(stiffness_ratio=0.5))
    assert make_motor().step(command, *AT_REST).torque_nm == pytest.approx(0.3)


def test_current_is_torque_over_constant_and_capped_in_current_based_mode() -> None:
    command = MotorCommand(Control.POSITION, position_rad=1.0)
    output = make_motor().step(command, *AT_REST)
    assert output.current_a == pytest.approx(2.0 / (4.1 / 2.3))
    capped = MotorCommand(Control.POSITION, position_rad=-1.0, current_a=0.5)
    assert make_motor().step(capped, *AT_REST).current_a == pytest.approx(-0.5)


def test_current_mode_gives_the_current_at_rest_and_runs_out_of_voltage_at_speed() -> None:
    command = MotorCommand(Control.CURRENT, current_a=1.0)
    assert make_motor().step(command, *AT_REST).current_a == pytest.approx(1.0)
    speed = spin(make_motor(), command, inertia=0.05, seconds=3.0)
    assert speed == pytest.approx(XM430_W350_MOTOR.no_load_rad_s, rel=0.02)


def test_pwm_mode_reaches_stall_torque_at_rest_and_no_load_speed_when_free() -> None:
    full = MotorCommand(Control.PWM, pwm=1.0)
    output = make_motor().step(full, *AT_REST)
    assert (output.torque_nm, output.pwm) == pytest.approx((4.1, 1.0))
    for inertia in (0.001, 0.01):
        speed = spin(make_motor(), MotorCommand(Control.PWM, pwm=-0.5), inertia=inertia, seconds=2)
        assert speed == pytest.approx(-0.5 * 46 * 2 * pi / 60, rel=0.02)


def test_velocity_mode_reaches_its_velocity_against_a_load() -> None:
    gains = Gains(velocity_integral_per_s=1920 / 65536 * 1e3 / (100 / 128))
    command = MotorCommand(Control.VELOCITY, velocity_rad_s=1.0, gains=gains)
    assert spin(make_motor(), command, inertia=0.01, seconds=2) == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize(("pwm", "saturates", "most"), [(1.0, True, 4.1), (0.1, False, 0.41)])
def test_voltage_limits_torque_where_it_is_to(pwm: float, saturates: bool, most: float) -> None:
    command = MotorCommand(Control.POSITION, position_rad=5.0, pwm=pwm)
    motor = make_motor(saturates=saturates)
    assert motor.step(command, *AT_REST).torque_nm == pytest.approx(most)


def test_integral_gain_removes_a_steady_error() -> None:
    motor = make_motor()
    command = MotorCommand(Control.POSITION, position_rad=0.1, gains=Gains(integral_per_s=2.0))
    torques = [motor.step(command, *AT_REST).torque_nm for _ in range(400)]
    assert torques[-1] == pytest.approx(0.2 + 2.0 * 2.0 * 0.1 * 1.0)


def test_the_integral_does_not_wind_up_while_the_voltage_is_at_its_end() -> None:
    motor = make_motor(saturates=True)
    gains = Gains(integral_per_s=2.0)
    for _ in range(4000):
        motor.step(MotorCommand(Control.POSITION, position_rad=3.0, gains=gains), *AT_REST)
    output = motor.step(MotorCommand(Control.POSITION, position_rad=0.0, gains=gains), *AT_REST)
    assert output.torque_nm == pytest.approx(0.0, abs=0.05)


def test_off_and_without_supply_there_is_nothing() -> None:
    nothing = MotorOutput(0.0, 0.0, 0.0, 0.0)
    assert make_motor().step(MotorCommand(Control.OFF), *AT_REST) == nothing
    pushed = MotorCommand(Control.POSITION, position_rad=1.0)
    assert make_motor().step(pushed, 0.0, 0.0, 0.0, STEP_S) == nothing
    assert not MotorCommand(Control.OFF).is_torque_on


def test_it_heats_with_the_square_of_the_current_and_cools_to_the_air() -> None:
    motor = make_motor()
    load = MotorCommand(Control.CURRENT, current_a=1.0, pwm=inf)
    for _ in range(20_000):
        motor.step(load, 0.0, 0.0, 12.0, 0.5)
    steady = 25.0 + 1.0 * XM430_W350_MOTOR.resistance_ohm * XM430_W350_MOTOR.thermal_resistance_k_w
    assert motor.temperature_c == pytest.approx(steady, rel=1e-3)
    for _ in range(20_000):
        motor.step(MotorCommand(Control.OFF), 0.0, 0.0, 12.0, 0.5)
    assert motor.temperature_c == pytest.approx(25.0, abs=0.01)


def test_the_supply_sags_with_the_current() -> None:
    assert bus_voltage(12.0, 5.0, 0.1) == pytest.approx(11.5)
    assert bus_voltage(12.0, 500.0, 0.1) == 0.0
