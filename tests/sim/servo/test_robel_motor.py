"""The soft actuator: the plain simulation's at factory gains, inside what a motor can do."""

# MuJoCo's extension modules come without type stubs.
# pyright: reportAttributeAccessIssue=false
import mujoco
import numpy as np
import pytest

from hal.dynamixel.control_table import control_table_of
from sim.scene import Scene
from sim.servo.motor import (
    XM430_W350_MOTOR,
    Control,
    Gains,
    MotorCommand,
)
from sim.servo.regulator import factory_loops
from sim.servo.robel_motor import RobelMotor

STEP_S = 0.0025
AT_REST = (0.0, 0.0, 12.0, STEP_S)


LOOPS = factory_loops(control_table_of(1020))


def make_motor(stiffness_nm_rad: float = 2.0, *, saturates: bool = False) -> RobelMotor:
    return RobelMotor(XM430_W350_MOTOR, LOOPS, stiffness_nm_rad, saturates=saturates)


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
