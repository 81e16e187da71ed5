"""Limbs of three joints: against their own geometry, and features of several poses at once."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hal.robots.dclaw import DCLAW
from hal.robots.dkitty import DKITTY
from mbctl.tasks.dclaw_kinematics import handle_features
from mbctl.tasks.dkitty_kinematics import feet_features
from mbctl.tasks.limbs import limb_tips

LINKS_M = (0.3, 0.2, 0.1)
SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)


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
