"""The feet against MuJoCo's own kinematics of ROBEL's model."""

# pyright: reportAttributeAccessIssue=false
import mujoco
import numpy as np
import pytest

from hal.robots.dkitty import DKITTY
from mbctl.tasks.dkitty_kinematics import LINKS_M, feet, feet_features
from mbctl.tasks.dkitty_physical import HEADING, from_measured
from sim.body import place_bodies
from sim.scene import Scene, build_scene

SHANKS = ("A:FR12", "A:FL22", "A:BL32", "A:BR42")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build_scene(DKITTY)


@pytest.mark.parametrize("seed", range(4))
def test_feet_are_where_the_model_has_them(scene: Scene, seed: int):
    rng = np.random.default_rng(seed)
    legs = rng.uniform(DKITTY.position_min_rad, DKITTY.position_max_rad)
    pose = rng.uniform(-0.6, 0.6, 6)
    pose[5] *= 5
    data = mujoco.MjData(scene.model)
    data.qpos[scene.joint_qpos] = legs
    place_bodies(scene, data, pose[None])
    mujoco.mj_forward(scene.model, data)
    torso = data.body("kitty_frame")
    down = np.array([0.0, 0.0, LINKS_M[2]])
    tips = np.array([data.body(s).xpos + data.body(s).xmat.reshape(3, 3) @ down for s in SHANKS])
    in_torso = (tips - torso.xpos) @ torso.xmat.reshape(3, 3)
    np.testing.assert_allclose(np.stack(feet(legs[None]), axis=-1)[:, 0], in_torso, atol=1e-3)

    physical = from_measured(pose, np.zeros(6), legs, np.zeros(12))
    cos, sin = np.cos(physical[HEADING]), np.sin(physical[HEADING])
    along_heading = (tips - torso.xpos) @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    told = feet_features(physical, legs).reshape(3, 4).T / 10
    np.testing.assert_allclose(told[:, :2], along_heading[:, :2], atol=1e-3)
    np.testing.assert_allclose(told[:, 2], tips[:, 2], atol=1e-3)
