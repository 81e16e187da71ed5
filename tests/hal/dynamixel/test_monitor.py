"""A lost servo is told from a lost bus, also while the host itself is held up."""

import numpy as np
import pytest

from hal.dynamixel.control_table import XM430_W350_TABLE
from hal.dynamixel.monitor import BusMonitor
from hal.dynamixel.readings import ServoReadings
from hal.dynamixel.servo import Servo
from hal.dynamixel.settings import BusSettings
from hal.errors import RobotReadError
from hal.robots.registry import servo_layout

SERVOS = [Servo(joint, XM430_W350_TABLE, 45) for joint in servo_layout("dclaw").joints]
NOW_NS = 10_000_000_000


def silent_for(**ages_s: float) -> ServoReadings:
    """Everybody was heard 20 ms ago, but those; nobody has answered in the latest cycle."""
    readings = ServoReadings(len(SERVOS))
    age_s = np.array([ages_s.get(servo.name, ages_s.get("others", 0.02)) for servo in SERVOS])
    readings.stamp_ns = NOW_NS - (age_s * 1e9).astype(np.int64)
    readings.misses[:] = 1 + (age_s * 50).astype(np.int64)
    return readings


def fault(readings: ServoReadings) -> RobotReadError:
    with pytest.raises(RobotReadError) as caught:
        BusMonitor(SERVOS, BusSettings()).check(readings, 0, NOW_NS)
    return caught.value


def test_one_that_is_silent_is_named_although_a_whole_cycle_was_missed():
    error = fault(silent_for(MFJ21=1.74))
    assert error.reason == "SERVO_SILENT"
    assert "MFJ21 (servo 21) for 1.74 s" in str(error)
    assert "FFJ10" not in str(error)


def test_a_bus_is_lost_only_when_everybody_has_been_silent_for_too_long():
    error = fault(silent_for(MFJ21=1.74, others=0.5))
    assert error.reason == "BUS_LOST"
    assert "0.50 s" in str(error)


def test_cycles_that_were_missed_are_nothing_until_the_limit():
    limit_s = BusSettings().comm_fault_s
    BusMonitor(SERVOS, BusSettings()).check(silent_for(others=0.9 * limit_s), 0, NOW_NS)
    assert fault(silent_for(others=1.1 * limit_s)).reason == "BUS_LOST"
