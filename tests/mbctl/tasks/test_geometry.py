"""Angles against rotation matrices and the derivative of one; limbs against their own geometry."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hal.robots.dclaw import DCLAW
from hal.robots.dkitty import DKITTY
from mbctl.tasks.dclaw import handle_features
from mbctl.tasks.dkitty_physical import feet_features
from mbctl.tasks.geometry import (
    angular_velocity,
    length,
    limb_tips,
    measured_angles,
    measured_rates,
    tilt_and_heading,
    turned,
)

ANGLE = st.floats(-3.1, 3.1)
MIDDLE = st.floats(-1.5, 1.5)
RATE = st.floats(-5, 5)
LINKS_M = (0.3, 0.2, 0.1)
SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)


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


@pytest.mark.parametrize(
    ("angles", "tip"),
    [
        ((0, 0, 0), (0, 0, -0.6)),
        ((np.pi / 2, 0, 0), (-0.6, 0, 0)),
        ((0, np.pi / 2, 0), (0, 0.3, -0.3)),
        ((0, 0, np.pi / 2), (0, 0.1, -0.5)),
        ((0, np.pi / 2, -np.pi / 2), (0, 0.2, -0.4)),
    ],
)
def test_a_limb_bends_where_its_joints_are(angles, tip):
    others = np.zeros(6)
    for limb in range(3):
        position = np.insert(others, 3 * limb, angles)[None]
        found = np.stack(limb_tips(position, LINKS_M))[:, :, 0]
        expected = np.tile((0, 0, -0.6), (3, 1))
        expected[limb] = tip
        np.testing.assert_allclose(found.T, expected, atol=1e-12)


def test_a_length_is_that_of_numpy():
    vectors = np.random.default_rng(0).normal(size=(50, 3))
    vectors[7] = 0.0
    np.testing.assert_array_equal(length(vectors), np.sqrt((vectors**2).sum(axis=-1)))
    at = torch.from_numpy(vectors).requires_grad_()
    (slope,) = torch.autograd.grad(length(at).sum(), at)
    np.testing.assert_allclose(slope[0], vectors[0] / length(vectors[0]))
    assert slope[7].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("features", "width", "robot"), [(handle_features, 1, DCLAW), (feet_features, 36, DKITTY)]
)
@given(shape=SHAPES, poses=st.integers(1, 3), seed=st.integers(0, 100))
def test_features_of_poses_together_are_those_of_each(features, width, robot, shape, poses, seed):
    rng = np.random.default_rng(seed)
    of = rng.normal(size=(*shape, width))
    chosen = [rng.normal(size=(*shape, len(robot.joints))) for _ in range(poses)]
    together = features(of, *chosen)
    assert together.shape == (*shape, 12 * poses)
    apart = np.concatenate([features(of, pose) for pose in chosen], axis=-1)
    np.testing.assert_allclose(together, apart, atol=1e-12)


def test_rows_do_not_mix_and_kinds_of_arrays_agree():
    rng = np.random.default_rng(3)
    valve, pose = rng.normal(size=(2, 5, 1)), rng.normal(size=(2, 5, 9))
    whole = handle_features(valve, pose)
    for i, j in np.ndindex(2, 5):
        np.testing.assert_allclose(whole[i, j], handle_features(valve[i, j], pose[i, j]))
    of_torch = handle_features(torch.as_tensor(valve), torch.as_tensor(pose))
    np.testing.assert_allclose(of_torch.numpy(), whole, atol=1e-12)
