"""Settings and limits: planned, then written, read back, and right afterwards."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.dynamixel.bus import ServoBus
from services.bring_up import configure
from services.bring_up.checks import run_check
from services.bring_up.configure import (
    ConfigureError,
    plan_limits,
    plan_settings,
    write_changes,
    write_settings,
)
from services.bring_up.finding import Level, worst
from services.bring_up.readout import Readout, read_servos
from services.bring_up.settings_checks import SETTINGS_CHECKS
from services.bring_up.target import Target
from sim.servo_bus.client import RunningBus

WRONG = {
    "return_delay_time": 250,
    "drive_mode": 5,
    "operating_mode": 4,
    "homing_offset": -300,
    "secondary_id": 12,
    "startup_configuration": 1,
    "shutdown": 0x20,
    "status_return_level": 1,
    "moving_threshold": 1023,
    "pwm_limit": 20,
    "goal_pwm": 20,
    "current_limit": 5,
    "goal_current": 5,
    "acceleration_limit": 1,
    "velocity_limit": 1,
    "position_p_gain": 0,
    "position_i_gain": 5000,
    "position_d_gain": 16_000,
    "feedforward_1st_gain": 9,
    "feedforward_2nd_gain": 9,
    "profile_acceleration": 1,
    "profile_velocity": 1,
}


def test_a_servo_in_order_needs_nothing(readout: Callable[..., Readout], claw: Target):
    assert plan_settings([readout()]) == []
    assert plan_limits([readout()], claw) == []


def test_everything_wrong_is_put_right(
    running: RunningBus, bus: ServoBus, target: Target, register
):
    for name, value in WRONG.items():
        register(11, name, value)
    before = read_servos(bus, target)
    changes = [*plan_settings(before), *plan_limits(before, target)]
    assert {c.register for c in changes if c.servo_id == 11} >= set(WRONG)
    for change in changes:
        register(change.servo_id, change.register, change.present)  # it is so again afterwards
    said: list[str] = []
    write_changes(bus, changes, before, said.append)
    after = read_servos(bus, target)
    found = [f for check in SETTINGS_CHECKS for f in run_check(check, after, target)]
    assert worst(found) is Level.OK
    assert len(said) == len(changes)
    assert running.table(11)["shutdown"] == 0x34
    assert not [*plan_settings(after), *plan_limits(after, target)]


def test_nothing_is_written_while_torque_is_on(
    running: RunningBus, bus: ServoBus, target: Target, register
):
    register(11, "return_delay_time", 250)
    register(12, "return_delay_time", 250)
    readouts = read_servos(bus, target)
    register(12, "torque_enable", 1)
    with pytest.raises(ConfigureError, match=r"servos \[12\]") as refused:
        write_changes(bus, plan_settings(readouts), readouts, lambda text: None)
    assert refused.value.reason == "TORQUE_ON"
    assert running.table(11)["return_delay_time"] == 250


def test_what_a_new_mode_sets_back_is_put_right_as_well(
    running: RunningBus, bus: ServoBus, target: Target, register
):
    """Gains that were right when the plan was made are not any more when the mode is written."""
    for name in ("operating_mode", "position_p_gain"):
        register(11, name, running.table(11)[name])  # it is so again afterwards
    running.set_register(11, "operating_mode", 4)
    before = read_servos(bus, target)
    changes = plan_settings(before)
    running.set_register(11, "position_p_gain", 7)
    write_settings(bus, changes, before, target, lambda text: None)
    assert plan_settings(read_servos(bus, target)) == []
    assert running.table(11)["position_p_gain"] == 800


def test_settings_that_never_stay_are_an_error(
    running: RunningBus, bus: ServoBus, target: Target, register, monkeypatch
):
    register(11, "velocity_limit", 1)
    readouts = read_servos(bus, target)
    monkeypatch.setattr(configure, "read_servos", lambda bus, target: readouts)
    with pytest.raises(ConfigureError, match="velocity_limit = 1 of servo 11"):
        write_settings(bus, plan_settings(readouts), readouts, target, lambda text: None)


@given(low=st.integers(0, 4095), high=st.integers(0, 4095))
def test_on_the_way_the_lower_limit_never_passes_the_upper(low: int, high: int):
    low, high = sorted((low, high))
    claw = Target(_claw())
    values = {"min_position_limit": low, "max_position_limit": high}
    readout = Readout(11, "FFJ11", 1020, 45, values)
    for change in plan_limits([readout], claw):
        values[change.register] = change.wanted
        assert values["min_position_limit"] <= values["max_position_limit"]
    assert plan_limits([replace(readout, values=values)], claw) == []


def _claw():
    from hal.dynamixel.calibration import default_calibration

    return default_calibration("dclaw")
