"""Goals, profiles and modes as the registers set and show them."""

from math import pi

import pytest

from hal.dynamixel import units
from sim.servo.motion import Motion, ProfileLimits
from sim.servo.motor import Control
from tests.sim.servo.host import MS, Host, make_host


def ready(**registers: int) -> Host:
    """At 2048 with the torque on, registers written before it."""
    host = make_host()
    host.sense(pi)
    for name, value in registers.items():
        assert host.write(name, value) == 0
    host.write("torque_enable", 1)
    return host


def desired(host: Host, milliseconds: float) -> float:
    """Goal of this moment in counts."""
    command = host.servo.motor_command(round(milliseconds * MS))
    return command.position_rad / units.POSITION_RAD


def test_without_a_profile_goals_are_steps() -> None:
    host = ready(profile_acceleration=100)
    host.write("goal_position", 3000)
    assert desired(host, 0) == pytest.approx(3000)


def test_trapezoid_takes_the_times_of_the_manual() -> None:
    host = ready(profile_velocity=100, profile_acceleration=20)
    host.write("goal_position", 4000)
    ramp_ms = 64 * 100 / 20
    total_ms = ramp_ms + 64 * (4000 - 2048) / (100 * 0.229 * 4096 / 60 * 64 / 1000)
    assert desired(host, total_ms * 1.003) == pytest.approx(4000)
    assert desired(host, total_ms * 0.98) < 4000
    speed = (desired(host, 700) - desired(host, 600)) / 0.1
    assert speed == pytest.approx(100 * 0.229 * 4096 / 60, rel=1e-6)


def test_time_based_profile() -> None:
    host = ready(drive_mode=4, profile_velocity=1000, profile_acceleration=200)
    host.write("goal_position", 3048)
    assert desired(host, 500) == pytest.approx(2548)
    assert desired(host, 999) < 3048
    assert desired(host, 1000) == pytest.approx(3048)


def test_a_new_goal_on_the_way_starts_from_position_and_velocity_there() -> None:
    host = ready(profile_velocity=100, profile_acceleration=20)
    host.write("goal_position", 4000)
    before, at_change = desired(host, 499), desired(host, 500)
    host.at(500).write("goal_position", 2048)
    assert desired(host, 500) == pytest.approx(at_change)
    assert desired(host, 501) - at_change == pytest.approx(at_change - before, rel=0.01)
    assert desired(host, 5000) == pytest.approx(2048)


def test_trajectory_and_moving_registers_follow_the_profile() -> None:
    host = ready(profile_velocity=100, profile_acceleration=20)
    host.write("goal_position", 4000)
    host.at(600)
    assert host.read("position_trajectory") == round(desired(host, 600))
    assert host.read("velocity_trajectory") == 100
    assert host.read("moving") == 1
    assert host.read("moving_status") == 0b11_1010  # trapezoid, not following, under way
    host.at(5000)
    host.sense(4000 * units.POSITION_RAD)
    assert (host.read("moving"), host.read("moving_status")) == (0, 0b11_0001)
    host.sense(4000 * units.POSITION_RAD, 0.3)
    assert host.read("moving") == 1


def test_reverse_mode_turns_goals_velocities_and_currents_around() -> None:
    host = make_host()
    host.write("drive_mode", 1)
    host.sense(pi)
    host.write("torque_enable", 1)
    host.write("goal_position", 3072)
    assert host.servo.motor_command(0).position_rad == pytest.approx(0.5 * pi)
    host.servo.sense(pi, 1.0, 0.5, 25.0, 12.0, 0, 0.5)
    assert host.read("present_velocity") < 0
    assert host.read("present_current") < 0
    assert host.read("present_pwm") < 0


def test_velocity_mode_ramps() -> None:
    host = ready(operating_mode=1, profile_acceleration=10)
    host.write("goal_velocity", 100)
    ramp_s = 100 / (10 * 214.577 / 0.229 / 60)
    command = host.servo.motor_command(round(ramp_s / 2 * 1e9))
    assert command.control is Control.VELOCITY
    assert command.velocity_rad_s == pytest.approx(50 * units.VELOCITY_RAD_S, rel=1e-6)
    host.at(2000)
    assert host.read("velocity_trajectory") == 100
    host.write("goal_velocity", 0)
    assert host.at(5000).read("velocity_trajectory") == 0


def test_time_based_velocity_ramp() -> None:
    motion = Motion()
    motion.spin(100, ProfileLimits(0, 500, is_timed=True), 0)
    assert motion.velocity(250 * MS) == pytest.approx(50)
    assert motion.velocity(500 * MS) == 100


@pytest.mark.parametrize(
    ("mode", "goal", "control", "field", "value"),
    [
        (0, "goal_current", Control.CURRENT, "current_a", 100 * units.CURRENT_A),
        (16, "goal_pwm", Control.PWM, "pwm", 100 / 885),
        (5, "goal_current", Control.POSITION, "current_a", 100 * units.CURRENT_A),
        (3, "goal_pwm", Control.POSITION, "pwm", 100 / 885),
    ],
)
def test_modes(mode: int, goal: str, control: Control, field: str, value: float) -> None:
    host = ready(operating_mode=mode)
    host.write(goal, 100)
    command = host.servo.motor_command(0)
    assert command.control is control
    assert getattr(command, field) == pytest.approx(value)


def test_a_change_of_mode_starts_gains_profiles_and_goals_afresh() -> None:
    host = make_host()
    for name in ("position_p_gain", "profile_velocity", "profile_acceleration", "goal_pwm"):
        host.write(name, 77)
    host.write("operating_mode", 5)
    names = ("position_p_gain", "profile_velocity", "profile_acceleration", "goal_pwm")
    assert [host.read(name) for name in names] == [800, 0, 0, 885]
    assert host.read("goal_current") == 1193


def test_gains_count_relative_to_the_factory() -> None:
    host = ready()
    command = host.servo.motor_command(0)
    ratios = (command.gains.stiffness_ratio, command.gains.damping_s, command.gains.integral_per_s)
    assert ratios == (1.0, 0.0, 0.0)
    host.write("position_p_gain", 400)
    host.write("position_d_gain", 100)
    host.write("position_i_gain", 256)
    command = host.servo.motor_command(0)
    assert command.gains.stiffness_ratio == 0.5
    assert command.gains.damping_s == pytest.approx(100 / 16 * 1e-3 / (800 / 128))
    assert command.gains.integral_per_s == pytest.approx(256 / 65536 * 1e3 / (800 / 128))


@pytest.mark.parametrize(("firmware", "is_on"), [(45, 1), (44, 0)])
def test_torque_on_by_goal_update(firmware: int, is_on: int) -> None:
    host = make_host(firmware=firmware)
    assert host.write("drive_mode", 8) == (0 if is_on else 4)
    host.write("goal_position", 1000)
    assert host.read("torque_enable") == is_on
