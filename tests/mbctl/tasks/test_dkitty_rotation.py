"""Torso angles: against rotation matrices written out, and against the derivative of one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbctl.tasks.dkitty_rotation import (
    angular_velocity,
    measured_angles,
    measured_rates,
    tilt_and_heading,
    turned,
)

ANGLE = st.floats(-3.1, 3.1)
MIDDLE = st.floats(-1.5, 1.5)
RATE = st.floats(-5, 5)


def matrix(axes: str, *angles: float) -> np.ndarray:
    """The product of rotations about these axes, in this order."""
    product = np.eye(3)
    for axis, angle in zip(axes, angles, strict=True):
        cos, sin = np.cos(angle), np.sin(angle)
        i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
        step = np.eye(3)
        step[i, i] = step[j, j] = cos
        step[i, j], step[j, i] = -sin, sin
        product = product @ step
    return product


@given(ANGLE, MIDDLE, ANGLE)
def test_pitch_roll_and_heading_are_the_same_rotation(x: float, y: float, z: float):
    pitch, roll, heading = tilt_and_heading(*np.float64([x, y, z]))
    measured = matrix("xyz", x, y, z)
    np.testing.assert_allclose(matrix("zxy", heading, pitch, roll), measured, atol=1e-9)
    back = measured_angles(pitch, roll, heading)
    np.testing.assert_allclose(matrix("xyz", *back), measured, atol=1e-7)


@given(ANGLE, MIDDLE, ANGLE, RATE, RATE, RATE)
def test_angular_velocity_is_the_derivative_of_the_rotation(x, y, z, rate_x, rate_y, rate_z):
    step = 1e-7
    now = matrix("xyz", x, y, z)
    later = matrix("xyz", x + step * rate_x, y + step * rate_y, z + step * rate_z)
    spin = (later - now) @ now.T / step
    found = angular_velocity(*np.float64([x, y, rate_x, rate_y, rate_z]))
    np.testing.assert_allclose(found, (spin[2, 1], spin[0, 2], spin[1, 0]), atol=1e-4)
    rates = measured_rates(*np.float64([x, y]), *found)
    np.testing.assert_allclose(rates, (rate_x, rate_y, rate_z), atol=1e-6)


def test_rates_stay_finite_where_the_robot_lies_on_its_side():
    assert np.isfinite(measured_rates(*np.float64([0.3, np.pi / 2, 1.0, 1.0, 1.0]))).all()


def test_pitch_lifts_the_head_roll_lowers_the_right_and_headings_count_to_the_left():
    zero = np.float64(0.0)
    assert tilt_and_heading(np.float64(0.3), zero, zero)[0] == pytest.approx(0.3)
    assert tilt_and_heading(zero, np.float64(0.3), zero)[1] == pytest.approx(0.3)
    assert tilt_and_heading(zero, zero, np.float64(0.3))[2] == pytest.approx(0.3)
    # Facing left, the world's x axis runs along the robot's back: turning about it is rolling.
    pitch, roll, heading = tilt_and_heading(np.float64(0.3), zero, np.float64(np.pi / 2))
    assert (pitch, roll, heading) == pytest.approx((0.0, -0.3, np.pi / 2), abs=1e-9)
    assert turned(np.float64(0.0), np.float64(1.0), np.float64(np.pi / 2)) == pytest.approx(
        (-1.0, 0.0)
    )
