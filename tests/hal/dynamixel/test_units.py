"""Counts against figures that the manual prints in other units."""

from math import pi

import pytest

from hal.dynamixel import units


def test_a_turn_is_4096_counts():
    assert pytest.approx(2 * pi) == 4096 * units.POSITION_RAD
    assert pytest.approx(0.087890625 * pi / 180) == units.POSITION_RAD


def test_velocity_current_and_acceleration():
    assert pytest.approx(0.023980824, rel=1e-6) == units.VELOCITY_RAD_S
    assert pytest.approx(3.21, abs=0.01) == 1193 * units.CURRENT_A
    turns_per_s2 = 214.577 / 60**2
    assert pytest.approx(2 * pi * turns_per_s2) == units.PROFILE_ACCELERATION_RAD_S2


def test_watchdog_and_delay():
    assert pytest.approx(0.1) == 5 * units.WATCHDOG_S
    assert pytest.approx(500e-6) == 250 * units.RETURN_DELAY_S


def test_baud_rates_by_register_value():
    assert units.BAUD_RATES[1] == 57_600  # the factory's
    assert units.BAUD_RATES[3] == 1_000_000
    assert sorted(units.BAUD_RATES) == list(range(8))
