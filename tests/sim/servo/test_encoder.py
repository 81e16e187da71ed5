"""Shaft angles as counts: turns, homing offset, direction."""

from math import pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.dynamixel.units import POSITION_RAD
from sim.servo.encoder import Encoder
from tests.sim.servo.host import make_host


@given(st.floats(-2000, 2000), st.integers(-1024, 1024), st.booleans())
def test_counts_and_angles_are_inverse(shaft_rad: float, offset: int, is_reversed: bool) -> None:
    encoder = Encoder(shaft_rad, offset, is_reversed)
    encoder.forget_turns()
    assert encoder.to_shaft_rad(encoder.raw) == pytest.approx(shaft_rad, abs=0.51 * POSITION_RAD)
    assert 0 <= encoder.raw - offset < 4096


def test_counts_go_on_beyond_a_turn_until_it_is_forgotten() -> None:
    encoder = Encoder(pi)
    encoder.shaft_rad = 5 * pi
    assert encoder.raw == 2048 + 2 * 4096
    assert encoder.forget_turns() == -2 * 4096
    assert encoder.raw == 2048


def test_reverse_mode_counts_down_about_the_centre() -> None:
    encoder = Encoder(pi, is_reversed=True)
    encoder.forget_turns()
    assert encoder.raw == 2048
    encoder.shaft_rad = pi + 100 * POSITION_RAD
    assert (encoder.raw, encoder.sign) == (1948, -1)


@pytest.mark.parametrize(
    ("mode", "offset", "raw"), [(3, 1024, 3072), (3, 1025, 2048), (4, 1025, 3073), (4, -3000, -952)]
)
def test_large_homing_offsets_count_in_multi_turn_modes_only(
    mode: int, offset: int, raw: int
) -> None:
    host = make_host()
    host.sense(pi)
    host.write("operating_mode", mode)
    host.write("homing_offset", offset)
    assert host.read("present_position") == raw


def test_the_homing_offset_keeps_its_sign_in_reverse_mode() -> None:
    host = make_host()
    host.sense(pi)
    host.write("drive_mode", 1)
    host.write("homing_offset", 500)
    assert host.read("present_position") == 2548


def test_turns_are_counted_with_the_torque_off_and_lost_at_torque_on_in_position_mode() -> None:
    host = make_host()
    host.sense(pi)
    host.sense(7 * pi)
    assert host.read("present_position") == 2048 + 3 * 4096
    host.write("torque_enable", 1)
    assert host.read("present_position") == 2048


def test_turns_survive_torque_on_in_extended_position_mode() -> None:
    host = make_host()
    host.write("operating_mode", 4)
    host.sense(pi)
    host.sense(7 * pi)
    host.write("torque_enable", 1)
    assert host.read("present_position") == 2048 + 3 * 4096
    host.write("torque_enable", 0)
    host.write("operating_mode", 3)
    assert host.read("present_position") == 2048
