"""The motor behind the registers: stiffness of its gains, and the ends of voltage and current."""

from math import inf, pi

import pytest

from hal.dynamixel.control_table import control_table_of
from sim.servo.motor import (
    XL430_W250_MOTOR,
    XM430_W210_MOTOR,
    XM430_W350_MOTOR,
    Control,
    Gains,
    Motor,
    MotorCommand,
    MotorOutput,
    MotorParameters,
    bus_voltage,
)
from sim.servo.regulator import factory_loops

STEP_S = 0.0025
AT_REST = (0.0, 0.0, 12.0, STEP_S)
NO_LOAD_RAD_S = 46 * 2 * pi / 60
STIFFNESS_NM_RAD = 4.1 * 800 / 128 * 4096 / (2 * pi) / 885  # 18.9


def make_motor(model: int = 1020, parameters: MotorParameters = XM430_W350_MOTOR) -> Motor:
    return Motor(parameters, factory_loops(control_table_of(model)))


class Shaft:
    """A shaft of its own, with the step of MuJoCo: implicit in the damping alone."""

    def __init__(self, motor: Motor, inertia: float) -> None:
        self.motor, self.inertia = motor, inertia
        self.position = self.speed = 0.0
        self.fastest = 0.0
        self.outputs: list[MotorOutput] = []

    def turn(self, command: MotorCommand, seconds: float, load_nm: float = 0.0) -> MotorOutput:
        for _ in range(round(seconds / STEP_S)):
            output = self.motor.step(command, self.position, self.speed, 12.0, STEP_S)
            fixed = output.torque_nm + output.damping_nm_s * self.speed + load_nm
            rate = STEP_S / self.inertia
            self.speed = (self.speed + rate * fixed) / (1 + rate * output.damping_nm_s)
            self.position += STEP_S * self.speed
            self.fastest = max(self.fastest, abs(self.speed))
            self.outputs.append(output)
        return self.outputs[-1]


def spin(motor: Motor, command: MotorCommand, *, inertia: float, seconds: float) -> float:
    """Final speed of a free shaft."""
    shaft = Shaft(motor, inertia)
    shaft.turn(command, seconds)
    return shaft.speed


# --- position


def test_the_stiffness_is_that_of_p_gain_and_motor() -> None:
    output = make_motor().step(MotorCommand(Control.POSITION, position_rad=0.1), *AT_REST)
    assert pytest.approx(18.9, rel=0.01) == STIFFNESS_NM_RAD
    assert output.torque_nm == pytest.approx(0.1 * STIFFNESS_NM_RAD)
    softer = MotorCommand(Control.POSITION, position_rad=0.1, gains=Gains(stiffness_ratio=0.5))
    assert make_motor().step(softer, *AT_REST).torque_nm == pytest.approx(0.05 * STIFFNESS_NM_RAD)


@pytest.mark.parametrize(
    ("model", "parameters", "stiffness"),
    # Stiffness at each model's own factory P gain: 800, 800 and 640.
    [(1020, XM430_W350_MOTOR, 18.9), (1030, XM430_W210_MOTOR, 13.8), (1060, XL430_W250_MOTOR, 5.5)],
)
def test_each_model_has_its_own_stiffness(
    model: int, parameters: MotorParameters, stiffness: float
) -> None:
    command = MotorCommand(Control.POSITION, position_rad=0.01)
    output = make_motor(model, parameters).step(command, *AT_REST)
    assert output.torque_nm == pytest.approx(0.01 * stiffness, rel=0.01)


def test_a_step_of_a_fifth_of_a_rad_takes_nearly_all_of_the_voltage() -> None:
    """At rest current is voltage over resistance; soft actuators of 2 Nm/rad made 0.24 A of it."""
    output = make_motor().step(MotorCommand(Control.POSITION, position_rad=0.21), *AT_REST)
    assert output.pwm * 885 == pytest.approx(856, abs=1)
    assert output.current_a == pytest.approx(2.3 * 856 / 885, rel=1e-3)


def test_beyond_the_end_of_the_voltage_the_torque_grows_no_more() -> None:
    for angle in (0.22, 0.5, 5.0):
        output = make_motor().step(MotorCommand(Control.POSITION, position_rad=angle), *AT_REST)
        assert (output.torque_nm, output.pwm) == pytest.approx((4.1, 1.0))


def test_the_torque_sags_with_the_supply() -> None:
    command = MotorCommand(Control.POSITION, position_rad=5.0)
    output = make_motor().step(command, 0.0, 0.0, 9.0, STEP_S)
    assert output.torque_nm == pytest.approx(4.1 * 9 / 12)


def test_a_pwm_limit_limits_torque_and_speed() -> None:
    command = MotorCommand(Control.POSITION, position_rad=50.0, pwm=0.1)
    assert make_motor().step(command, *AT_REST).torque_nm == pytest.approx(0.41)
    speed = spin(make_motor(), command, inertia=0.001, seconds=1.0)
    assert speed == pytest.approx(0.1 * NO_LOAD_RAD_S, rel=0.01)


def test_a_current_limit_limits_the_torque_at_any_speed() -> None:
    command = MotorCommand(Control.POSITION, position_rad=-1.0, current_a=0.5)
    for speed in (-1.0, 0.0, 2.0):
        output = make_motor().step(command, 0.0, speed, 12.0, STEP_S)
        assert output.current_a == pytest.approx(-0.5)
        assert output.damping_nm_s == 0.0


@pytest.mark.parametrize("inertia", [0.001, 0.005, 0.05])
@pytest.mark.parametrize(
    "gains",
    [
        Gains(),
        Gains(stiffness_ratio=16383 / 800),
        Gains(damping_s=16383 / 16 * 1e-3 / (800 / 128)),
        Gains(stiffness_ratio=16383 / 800, damping_s=16383 / 16 * 1e-3 / (800 / 128)),
    ],
    ids=["factory", "largest P", "largest D", "both"],
)
def test_any_gains_are_stable_in_steps_of_the_simulation(inertia: float, gains: Gains) -> None:
    """The joints' own inertia in the models is 0.001 kg m2; an explicit step would diverge."""
    shaft = Shaft(make_motor(), inertia)
    command = MotorCommand(Control.POSITION, position_rad=0.5, gains=gains)
    shaft.turn(command, 4.0)
    assert shaft.fastest < 1.01 * NO_LOAD_RAD_S
    late = [output.torque_nm for output in shaft.outputs[-40:]]
    assert max(late) - min(late) < 0.05
    assert shaft.position == pytest.approx(0.5, abs=0.06)


def test_it_yields_to_a_load_by_its_stiffness() -> None:
    shaft = Shaft(make_motor(), 0.005)
    output = shaft.turn(MotorCommand(Control.POSITION), 2.0, load_nm=1.0)
    assert shaft.position == pytest.approx(1.0 / STIFFNESS_NM_RAD, rel=0.01)
    assert output.current_a == pytest.approx(-1.0 / 4.1 * 2.3, rel=0.01)


def test_integral_gain_removes_a_steady_error() -> None:
    shaft = Shaft(make_motor(), 0.005)
    gains = Gains(integral_per_s=5.0)
    shaft.turn(MotorCommand(Control.POSITION, gains=gains), 4.0, load_nm=1.0)
    assert shaft.position == pytest.approx(0.0, abs=1e-3)


def test_the_integral_does_not_wind_up_while_the_voltage_is_at_its_end() -> None:
    motor = make_motor()
    gains = Gains(integral_per_s=2.0)
    for _ in range(4000):
        motor.step(MotorCommand(Control.POSITION, position_rad=3.0, gains=gains), *AT_REST)
    output = motor.step(MotorCommand(Control.POSITION, position_rad=0.0, gains=gains), *AT_REST)
    assert output.torque_nm == pytest.approx(0.0, abs=0.05)


def test_derivative_gain_brakes_and_feed_forward_drives() -> None:
    gains = Gains(damping_s=0.05, feedforward_s=0.02)
    still = MotorCommand(Control.POSITION, gains=gains)
    plain = make_motor().step(MotorCommand(Control.POSITION), 0.0, 1.0, 12.0, STEP_S)
    damped = make_motor().step(still, 0.0, 1.0, 12.0, STEP_S)
    assert damped.torque_nm - plain.torque_nm == pytest.approx(-0.05 * STIFFNESS_NM_RAD)
    assert damped.damping_nm_s - plain.damping_nm_s == pytest.approx(0.05 * STIFFNESS_NM_RAD)
    moving = MotorCommand(Control.POSITION, velocity_rad_s=1.0, gains=gains)
    driven = make_motor().step(moving, *AT_REST)
    assert driven.torque_nm == pytest.approx(0.07 * STIFFNESS_NM_RAD)


# --- the other modes


def test_current_mode_gives_the_current_at_rest_and_runs_out_of_voltage_at_speed() -> None:
    command = MotorCommand(Control.CURRENT, current_a=1.0)
    assert make_motor().step(command, *AT_REST).current_a == pytest.approx(1.0)
    speed = spin(make_motor(), command, inertia=0.05, seconds=3.0)
    assert speed == pytest.approx(XM430_W350_MOTOR.no_load_rad_s, rel=0.02)


def test_a_current_goal_of_zero_leaves_the_shaft_free() -> None:
    idle = MotorCommand(Control.CURRENT, current_a=0.0)
    for speed in (-1.0, 0.0, 1.0):
        output = make_motor().step(idle, 0.0, speed, 12.0, STEP_S)
        assert (output.torque_nm, output.damping_nm_s) == (0.0, 0.0)


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
    shaft = Shaft(make_motor(), 0.01)
    shaft.turn(command, 3.0, load_nm=-1.0)
    assert shaft.speed == pytest.approx(1.0, rel=0.01)


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
