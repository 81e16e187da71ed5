"""Poses in and out of a simulation with a free body."""

# pyright: reportAttributeAccessIssue=false
import mujoco
import numpy as np
import pytest

from hal.trackers.rotation import matrix_from_angles
from sim.body import body_states, place_bodies
from sim.scene import Scene


@pytest.fixture
def data(dkitty_scene: Scene) -> mujoco.MjData:
    return mujoco.MjData(dkitty_scene.model)


@pytest.mark.parametrize("seed", range(5))
def test_a_pose_comes_back_as_it_was_set_at_rest(
    dkitty_scene: Scene, data: mujoco.MjData, seed: int
):
    pose = np.random.default_rng(seed).uniform(-1.5, 1.5, (1, 6))
    data.qvel[:] = 1.0
    place_bodies(dkitty_scene, data, pose)
    found, rate = body_states(dkitty_scene, data)
    np.testing.assert_allclose(found, pose, atol=1e-9)
    assert not rate.any()
    mujoco.mj_forward(dkitty_scene.model, data)
    torso = data.body("kitty_frame")
    np.testing.assert_allclose(torso.xpos, pose[0, :3] + [0, 0, 0.3], atol=1e-9)
    expected = matrix_from_angles(pose[0, 3:])
    np.testing.assert_allclose(torso.xmat.reshape(3, 3), expected, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_rates_are_the_derivative_of_the_pose(dkitty_scene: Scene, data: mujoco.MjData, seed: int):
    rng = np.random.default_rng(seed)
    place_bodies(dkitty_scene, data, rng.uniform(-1, 1, (1, 6)))
    data.qvel[:6] = rng.normal(size=6)
    before, rate = body_states(dkitty_scene, data)
    position = data.qpos.copy()
    mujoco.mj_integratePos(dkitty_scene.model, position, data.qvel, 1e-6)
    data.qpos[:] = position
    after, _ = body_states(dkitty_scene, data)
    np.testing.assert_allclose((after - before) / 1e-6, rate, atol=1e-4)


def test_a_robot_without_bodies_has_none(dclaw_scene: Scene):
    data = mujoco.MjData(dclaw_scene.model)
    pose, rate = body_states(dclaw_scene, data)
    assert pose.shape == rate.shape == (0, 6)
    place_bodies(dclaw_scene, data, pose)
    assert not data.qpos.any()
