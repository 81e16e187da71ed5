"""The state of servos: what keeps them from moving now."""

from collections.abc import Callable

import pytest

from hal.dynamixel.bus import ServoBus
from services.bring_up.checks import run_check
from services.bring_up.finding import Finding, Level, worst
from services.bring_up.readout import Readout, read_servos
from services.bring_up.state_checks import STATE_CHECKS
from services.bring_up.target import Target


def findings(readouts: list[Readout], target: Target) -> list[Finding]:
    return [f for check in STATE_CHECKS for f in run_check(check, readouts, target)]


def wrong(readouts: list[Readout], target: Target) -> list[Finding]:
    return [f for f in findings(readouts, target) if f.level is not Level.OK]


def test_a_servo_at_rest_passes(claw: Target, readout: Callable[..., Readout]):
    assert worst(findings([readout()], claw)) is Level.OK


@pytest.mark.parametrize(
    ("subject", "name", "value", "level", "says"),
    [
        ("hardware error", "hardware_error_status", 0x20, Level.FAIL, "overload; it takes no"),
        ("hardware error", "hardware_error_status", 0x01, Level.FAIL, "input voltage; it stays"),
        ("torque", "torque_enable", 1, Level.WARN, "torque is on"),
        ("bus watchdog", "bus_watchdog", 255, Level.WARN, "has tripped"),
        ("voltage", "present_input_voltage", 92, Level.FAIL, "9.2 V"),
        ("voltage", "present_input_voltage", 170, Level.FAIL, "17.0 V"),
        ("temperature", "present_temperature", 57, Level.WARN, "57 C"),
        ("temperature", "present_temperature", 72, Level.FAIL, "72 C"),
        ("position", "present_position", 100, Level.FAIL, "at 100 ticks"),
        ("position", "present_position", -900, Level.FAIL, "at -900 ticks"),
    ],
)
def test_each_trouble_has_its_line(
    subject: str,
    name: str,
    value: int,
    level: Level,
    says: str,
    claw: Target,
    readout: Callable[..., Readout],
):
    (found,) = wrong([readout(**{name: value})], claw)
    assert (found.subject, found.level) == (subject, level)
    assert says in found.message
    assert found.remedy


def test_a_remedy_names_the_joint(claw: Target, readout: Callable[..., Readout]):
    (found,) = wrong([readout(hardware_error_status=0x20)], claw)
    assert found.remedy.endswith("mbctl robot reboot-servo FFJ11")


def test_an_armed_watchdog_is_no_trouble(claw: Target, readout: Callable[..., Readout]):
    assert not wrong([readout(bus_watchdog=5)], claw)


def test_trouble_on_a_bus_is_found(bus: ServoBus, target: Target, fault, running, register):
    fault("overload", id=21)
    register(22, "torque_enable", 1)
    register(22, "hardware_error_status", 0)
    found = {f.subject: f for f in wrong(read_servos(bus, target), target)}
    bus.reboot(21)
    bus.wait_for(21)
    assert "servo 21 (MFJ21)" in found["hardware error"].message
    assert "servo 22 (MFJ22)" in found["torque"].message
