from math import inf, nan

import pytest

from hal.dynamixel.settings import DynamixelSettings


@pytest.mark.parametrize(
    ("seconds", "units"), [(0.02, 1), (0.1, 5), (0.06, 3), (0.119, 5), (2.54, 127)]
)
def test_watchdog_is_never_longer_than_asked(seconds: float, units: int):
    assert DynamixelSettings("p", watchdog_s=seconds, bus_period_s=0.01).watchdog_units == units


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"watchdog_s": 0.01}, "watchdog_s is 0.01"),
        ({"watchdog_s": 3.0}, "expected 0.02 to 2.54"),
        ({"bus_period_s": 0.06}, "at most half of watchdog_s"),
        ({"comm_fault_s": nan}, "comm_fault_s is nan"),
        ({"soft_start_s": inf}, "soft_start_s is inf"),
        ({"baud_rate": 0}, "baud_rate is 0"),
        ({"misses_degraded": 0}, "misses_degraded is 0"),
    ],
)
def test_numbers_that_would_switch_a_protection_off_are_refused(change: dict, message: str):
    with pytest.raises(ValueError, match=message):
        DynamixelSettings("/dev/ttyUSB0", **change)


def test_port_is_needed():
    with pytest.raises(ValueError, match="port is empty"):
        DynamixelSettings("")
