"""Rotations: each notation to each other and back, and angular velocity by finite differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.trackers.rotation import (
    angles_from_matrix,
    matrix_from_angles,
    matrix_from_quaternion,
    quaternion_from_matrix,
    rates_from_spin,
    rotation_vector,
    spin_from_rates,
    yaw_matrix,
)

angle = st.floats(-np.pi, np.pi)
three = st.tuples(angle, st.floats(-np.pi / 2, np.pi / 2), angle).map(np.array)
rates = st.tuples(*[st.floats(-5, 5)] * 3).map(np.array)


def about(axis: int, angle_rad: float) -> np.ndarray:
    turned = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    turned[[i, i, j, j], [i, j, i, j]] = (
        np.cos(angle_rad),
        -np.sin(angle_rad),
        np.sin(angle_rad),
        np.cos(angle_rad),
    )
    return turned


@given(three)
def test_angles_turn_about_the_bodys_own_x_then_y_then_z(angles):
    expected = about(0, angles[0]) @ about(1, angles[1]) @ about(2, angles[2])
    assert np.allclose(matrix_from_angles(angles), expected)


@given(three)
def test_angles_survive_the_matrix(angles):
    matrix = matrix_from_angles(angles)
    back = angles_from_matrix(matrix)
    assert np.allclose(matrix_from_angles(back), matrix, atol=1e-6)
    assert abs(back[1]) <= np.pi / 2
    assert (-np.pi <= back[[0, 2]]).all()
    assert (back[[0, 2]] < np.pi).all()


@pytest.mark.parametrize("b", [np.pi / 2, -np.pi / 2])
def test_at_the_poles_the_matrix_is_still_the_same(b: float):
    matrix = matrix_from_angles(np.array([0.3, b, 0.7]))
    back = angles_from_matrix(matrix)
    assert back[2] == 0.0
    assert np.allclose(matrix_from_angles(back), matrix)


@given(three)
def test_matrices_survive_the_quaternion(angles):
    matrix = matrix_from_angles(angles)
    quaternion = quaternion_from_matrix(matrix)
    assert np.linalg.norm(quaternion) == pytest.approx(1.0)
    assert quaternion[0] >= 0.0
    assert np.allclose(matrix_from_quaternion(quaternion), matrix)


@pytest.mark.parametrize("axis", range(3))
def test_half_turns_have_quaternions_without_real_part(axis: int):
    quaternion = quaternion_from_matrix(about(axis, np.pi))
    assert np.abs(quaternion[1 + axis]) == pytest.approx(1.0)


@pytest.mark.parametrize("length", [0.0, np.nan, np.inf])
def test_a_quaternion_without_direction_is_refused(length: float):
    with pytest.raises(ValueError, match="expected 1"):
        matrix_from_quaternion(np.array([length, 0.0, 0.0, 0.0]))


@given(st.floats(0, np.pi - 1e-3), st.integers(0, 2))
def test_the_rotation_vector_is_axis_times_angle(turned_rad, axis):
    expected = np.eye(3)[axis] * turned_rad
    assert np.allclose(rotation_vector(about(axis, turned_rad)), expected, atol=1e-7)


def test_the_rotation_vector_of_hardly_any_turn_is_its_small_self():
    assert rotation_vector(about(2, 1e-13)) == pytest.approx([0, 0, 1e-13], abs=1e-18)


@given(three, rates)
def test_spin_is_what_the_angles_do_by_finite_differences(angles, rate):
    step = 1e-6
    ahead, behind = (matrix_from_angles(angles + sign * step * rate) for sign in (1, -1))
    expected = rotation_vector(ahead @ behind.T) / (2 * step)
    assert np.allclose(spin_from_rates(angles, rate), expected, atol=1e-5)


@given(three.filter(lambda a: abs(a[1]) < 1.5), rates)
def test_rates_undo_spin(angles, rate):
    assert np.allclose(rates_from_spin(angles, spin_from_rates(angles, rate)), rate, atol=1e-9)


def test_rates_stay_finite_at_the_pole():
    found = rates_from_spin(np.array([0.0, np.pi / 2, 0.0]), np.array([1.0, 1.0, 1.0]))
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 1001.0


def test_yaw_turns_about_the_vertical():
    assert np.allclose(yaw_matrix(0.3), about(2, 0.3))
