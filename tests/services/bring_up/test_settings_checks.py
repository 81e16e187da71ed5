"""Settings: what the driver refuses is a failure, what it bears is a warning."""

from collections.abc import Callable, Iterator

import pytest

from hal.clock import WallClock
from hal.dynamixel.bus import ServoBus
from hal.dynamixel.connection import connect
from hal.dynamixel.settings import DynamixelSettings
from hal.errors import HalError
from hal.robots.registry import robot_spec
from services.bring_up.checks import run_check
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
    ("position limits", "max_position_limit", 2500, Level.FAIL),
    ("position limits", "max_position_limit", 3000, Level.WARN),
    ("position limits", "max_position_limit", 4095, Level.WARN),
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
    with pytest.raises(HalError):
        reach(target)


def test_the_driver_bears_what_is_a_warning(target: Target, register):
    harmless = [d for d in DEFECTS if d[-1] is Level.WARN]
    for servo_id, (_, name, value, _) in zip((12, 22, 32, 31, 21, 11), harmless, strict=True):
        register(servo_id, name, value)
    with opened_bus(target.port, 1_000_000) as bus:
        found = list(findings(read_servos(bus, target), target))
    assert worst(found) is Level.WARN
    warned = {f.subject for f in found if f.level is Level.WARN}
    assert warned == {d[0] for d in DEFECTS if d[-1] is Level.WARN}
    reach(target)


def reach(target: Target) -> None:
    """What the controller does before anything may move; a servo forgets none of it."""
    settings = DynamixelSettings(target.port, scan_s=0.3, turnaround_s=0.05, cycle_budget_s=0.5)
    clock = WallClock()
    connect(robot_spec("dclaw"), target.calibration, settings, 0.2, clock.now_ns).close()


def test_a_bus_in_order_passes_both(bus: ServoBus, target: Target):
    assert worst(findings(read_servos(bus, target), target)) is Level.WARN  # limits as delivered
    bus.close()
    reach(target)
