from math import inf, nan

import pytest

from hal.dynamixel.settings import BusSettings


@pytest.mark.parametrize(("seconds", "units"), [(0.02, 1), (0.1, 5), (0.06, 3), (2.54, 127)])
def test_every_watchdog_time_that_a_servo_knows_is_taken(seconds: float, units: int):
    assert BusSettings(watchdog_s=seconds, bus_period_s=0.01).watchdog_units == units


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"watchdog_s": 0.01}, "watchdog_s is 0.01"),
        ({"watchdog_s": 3.0}, "expected 0.02 to 2.54"),
        ({"watchdog_s": 0.119}, r"watchdog_s = 0\.119: servos count in steps of 0\.02 s"),
        ({"bus_period_s": 0.06}, "at most half of watchdog_s"),
        ({"comm_fault_s": nan}, "comm_fault_s is nan"),
        ({"soft_start_s": inf}, "soft_start_s is inf"),
        ({"soft_start_s": 0.0}, "soft_start_s is 0.0, expected more than 0, at most 10"),
        ({"misses_degraded": 0}, "misses_degraded is 0"),
    ],
)
def test_numbers_that_would_switch_a_protection_off_are_refused(change: dict, message: str):
    with pytest.raises(ValueError, match=message):
        BusSettings(**change)
