"""Settings: what the driver refuses is a failure, what it bears is a warning."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle

import pytest

from hal.clock import WallClock
from hal.dynamixel.bus import ServoBus
from hal.dynamixel.connection import connect
from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.inspection import inspect_for_torque
from hal.dynamixel.port import SerialPort
from hal.dynamixel.settings import BusSettings
from hal.errors import HalError
from hal.robots.registry import robot_spec
from services.bring_up.checks import run_check
from services.bring_up.configure import plan_settings
from services.bring_up.finding import Level, worst
from services.bring_up.readout import Readout, read_servos
from services.bring_up.session import opened_bus
from services.bring_up.settings_checks import SETTINGS_CHECKS
from services.bring_up.target import Target

# subject of the finding, register, value, level
DEFECTS = [
    ("return delay", "return_delay_time", 250, Level.WARN),
    ("operating mode", "operating_mode", 4, Level.FAIL),
    ("drive mode", "drive_mode", 1, Level.FAIL),
    ("drive mode", "drive_mode", 8, Level.FAIL),
    ("homing offset", "homing_offset", 100, Level.FAIL),
    ("secondary id", "secondary_id", 200, Level.FAIL),
    ("startup", "startup_configuration", 1, Level.FAIL),
    ("startup", "startup_configuration", 2, Level.WARN),
    ("shutdown", "shutdown", 0, Level.WARN),
    ("replies", "status_return_level", 1, Level.WARN),
    ("gains", "position_p_gain", 0, Level.FAIL),
    ("gains", "position_p_gain", 199, Level.FAIL),
    ("gains", "position_p_gain", 3201, Level.FAIL),
    ("gains", "position_i_gain", 16_383, Level.FAIL),
    ("gains", "position_d_gain", 16_383, Level.FAIL),
    ("gains", "feedforward_1st_gain", 1, Level.FAIL),
    ("gains", "feedforward_2nd_gain", 1, Level.FAIL),
    ("output limits", "pwm_limit", 442, Level.FAIL),
    ("output limits", "goal_pwm", 20, Level.FAIL),
    ("output limits", "goal_pwm", -885, Level.FAIL),
    ("output limits", "current_limit", 596, Level.FAIL),
    ("output limits", "goal_current", 0, Level.FAIL),
    ("speed limits", "velocity_limit", 1, Level.FAIL),
    ("speed limits", "velocity_limit", 131, Level.FAIL),
    ("speed limits", "acceleration_limit", 1, Level.FAIL),
    ("profile", "profile_velocity", 1, Level.WARN),
    ("profile", "profile_acceleration", 1, Level.WARN),
    ("moving", "moving_threshold", 1023, Level.WARN),
    ("alarm limits", "temperature_limit", 40, Level.WARN),
    ("alarm limits", "min_voltage_limit", 101, Level.WARN),
    ("alarm limits", "max_voltage_limit", 129, Level.WARN),
    ("position limits", "max_position_limit", 2500, Level.FAIL),
    ("position limits", "max_position_limit", 3000, Level.WARN),
    ("position limits", "max_position_limit", 4095, Level.WARN),
]


# What a lab may have chosen, and what an activation or a reset of ours leaves behind.
LEGAL = [
    ("position_p_gain", 200),
    ("position_p_gain", 3200),
    ("position_d_gain", 4000),
    ("pwm_limit", 443),
    ("current_limit", 597),
    ("velocity_limit", 132),
    ("velocity_limit", 1023),
    ("profile_velocity", 21),
    ("profile_velocity", 83),
    ("secondary_id", 253),
    ("shutdown", 0x3D),
    ("bus_watchdog", 5),
]


def findings(readouts: list[Readout], target: Target) -> Iterator:
    for check in SETTINGS_CHECKS:
        yield from run_check(check, readouts, target)


def test_a_servo_that_is_set_up_passes(claw: Target, readout: Callable[..., Readout]):
    assert worst(findings([readout()], claw)) is Level.OK


@pytest.mark.parametrize(("subject", "name", "value", "level"), DEFECTS)
def test_each_defect_has_its_line(
    subject: str,
    name: str,
    value: int,
    level: Level,
    claw: Target,
    readout: Callable[..., Readout],
):
    (found,) = [f for f in findings([readout(**{name: value})], claw) if f.level is not Level.OK]
    assert (found.subject, found.level) == (subject, level)
    assert "servo 11 (FFJ11)" in found.message
    assert found.remedy.startswith("mbctl calibrate --robot dclaw --port /dev/ttyUSB0 --")


@pytest.mark.parametrize(("name", "value"), LEGAL)
def test_a_legal_choice_is_no_complaint_and_is_not_overwritten(
    name: str, value: int, claw: Target, readout: Callable[..., Readout]
):
    chosen = readout(**{name: value})
    assert worst(findings([chosen], claw)) is Level.OK
    assert plan_settings([chosen]) == []


def test_a_model_without_current_is_judged_by_the_rest(claw: Target):
    light = control_table_of(1060)
    values = {r.name: r.default for r in light.registers} | {"return_delay_time": 0}
    values |= {"min_position_limit": 744, "max_position_limit": 3352}
    servo = Readout(11, "FFJ11", 1060, 45, values)
    assert worst(findings([servo], claw)) is Level.OK
    limp = replace(servo, values=values | {"position_p_gain": 159})
    assert worst(findings([limp], claw)) is Level.FAIL


def test_old_firmware_has_no_watchdog(claw: Target, readout: Callable[..., Readout]):
    (found,) = [f for f in findings([readout(firmware=37)], claw) if f.level is not Level.OK]
    assert (found.subject, found.level) == ("firmware", Level.FAIL)
    assert worst(findings([readout(firmware=38)], claw)) is Level.OK


FAILURES = [d for d in DEFECTS if d[-1] is Level.FAIL]


@pytest.mark.parametrize(
    ("subject", "name", "value", "level"),
    [
        pytest.param(*d, marks=[] if "limits" in d[0] else pytest.mark.slow, id=f"{d[1]}-{d[2]}")
        for d in FAILURES
    ],
)
def test_the_driver_refuses_what_is_a_failure(
    subject: str, name: str, value: int, level: Level, target: Target, register
):
    register(11, name, value)
    with opened_bus(target.port, 1_000_000) as bus:
        found = [f for f in findings(read_servos(bus, target), target) if f.subject == subject]
    assert worst(found) is level
    with pytest.raises(HalError, match=r"FFJ11 \(servo 11\)"):
        reach(target)


def test_the_driver_bears_what_is_a_warning(target: Target, register):
    harmless = [d for d in DEFECTS if d[-1] is Level.WARN]
    for servo_id, (_, name, value, _) in zip(cycle((12, 22, 32, 31, 21, 11)), harmless):
        register(servo_id, name, value)
    with opened_bus(target.port, 1_000_000) as bus:
        found = list(findings(read_servos(bus, target), target))
    assert worst(found) is Level.WARN
    warned = {f.subject for f in found if f.level is Level.WARN}
    assert warned == {d[0] for d in DEFECTS if d[-1] is Level.WARN}
    reach(target)


def reach(target: Target) -> None:
    """What the controller does before anything may move; a servo forgets none of it."""
    settings = BusSettings(scan_s=0.3, turnaround_s=0.05, cycle_budget_s=0.5)
    clock = WallClock()
    port, spec = SerialPort(target.port), robot_spec("dclaw")
    found = connect(port, spec, target.calibration, settings, 0.2, clock.now_ns)
    try:
        inspect_for_torque(found.bus, found.servos)
    finally:
        found.close()


def test_a_bus_in_order_passes_both(bus: ServoBus, target: Target):
    assert worst(findings(read_servos(bus, target), target)) is Level.WARN  # limits as delivered
    bus.close()
    reach(target)
