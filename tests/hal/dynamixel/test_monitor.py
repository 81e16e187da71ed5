"""A lost servo is told from a lost bus, also while the host itself is held up."""

import numpy as np
import pytest

from hal.dynamixel.control_table import XM430_W350_TABLE
from hal.dynamixel.monitor import BusMonitor, ServoMonitor
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


class Supplied:
    """A monitor of servos with torque, whose supply is looked at at given times."""

    def __init__(self) -> None:
        self.monitor = ServoMonitor(SERVOS, BusSettings())
        self.readings = ServoReadings(len(SERVOS))
        self.readings.fresh[:] = True
        self.readings.rows["torque_enable"] = 1
        self.readings.rows["present_temperature"] = 30

    def look(self, at_s: float, volt: float) -> None:
        self.readings.rows["present_input_voltage"] = round(10 * volt)
        self.readings.stamp_ns[:] = NOW_NS + round(1e9 * at_s)
        self.monitor.check(self.readings, np.ones(len(SERVOS), dtype=np.bool_), 0)


def test_a_supply_that_stays_low_for_half_a_second_stops_the_motion():
    supplied = Supplied()
    for at_s in (0.0, 0.2, 0.5):
        supplied.look(at_s, 9.9)
    with pytest.raises(RobotReadError, match=r"supplied with 9\.9 V, at least 10\.0 V") as caught:
        supplied.look(0.51, 9.9)
    assert caught.value.reason == "SERVO_VOLTAGE"


def test_a_supply_that_recovers_meanwhile_stops_nothing_until_it_is_low_for_as_long_again():
    supplied = Supplied()
    for at_s, volt in ((0.0, 9.9), (0.4, 10.0), (0.6, 9.9), (1.1, 9.9)):
        supplied.look(at_s, volt)
    with pytest.raises(RobotReadError, match="supplied"):
        supplied.look(1.11, 9.9)
