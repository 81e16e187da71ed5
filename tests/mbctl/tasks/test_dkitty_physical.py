"""Symmetries and feet against the simulated robot itself."""

# pyright: reportAttributeAccessIssue=false
import mujoco
import numpy as np
import pytest

from hal.clock import ManualClock
from hal.limits import action_to_target
from hal.robots.dkitty import DKITTY
from hal.types import JointCommand, ResetTarget
from mbctl.tasks.dkitty_physical import (
    HEADING,
    LINKS_M,
    feet,
    feet_features,
    from_measured,
    to_measured,
)
from mbctl.tasks.registry import make_task
from sim.body import place_bodies
from sim.robot import MujocoRobot
from sim.scene import build_scene

TASK = make_task("dkitty-walk-random")
SCENE = build_scene(DKITTY)
SHANKS = ("A:FR12", "A:FL22", "A:BL32", "A:BR42")


def episode(start: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Physical states [T + 1, 36] of a simulated episode from the place and pose in `start`."""
    with MujocoRobot("dkitty", TASK.period_s, ManualClock(), SCENE) as robot:
        robot.configure()
        robot.activate()
        pose, _ = to_measured(start)
        robot.reset(ResetTarget(start[6:18].copy(), np.zeros(0), pose[None]))
        states = [TASK.physical_from_state(robot.read())]
        for action in actions:
            applied = TASK.applied_action(states[-1], action)
            target = action_to_target(applied, DKITTY.position_min_rad, DKITTY.position_max_rad)
            robot.write(JointCommand(target))
            states.append(TASK.physical_from_state(robot.read()))
        return np.stack(states)


@pytest.mark.parametrize("symmetry", range(1, TASK.symmetries))
def test_the_image_of_an_episode_is_the_episode_of_the_image(symmetry: int):
    rng = np.random.default_rng(symmetry)
    actions = np.clip(np.repeat(rng.normal(size=(3, 12)), 2, axis=0) * 0.3, -1, 1)
    start = np.zeros(36)
    start[:2], start[5], start[6:18] = (0.3, -0.2), 0.4, [0.05, 0.4, -0.8] * 4
    real = episode(start, actions)
    image, turned = TASK.transform(real, np.concatenate([actions, actions[:1]]), symmetry)
    again = episode(image[0], turned[:-1])
    assert np.abs(TASK.physical_difference(real[-1], real[0]))[:3].max() > 0.02  # it did something
    np.testing.assert_allclose(TASK.physical_difference(again, image), 0.0, atol=0.02)


def test_four_quarter_turns_and_two_mirrorings_change_nothing():
    rng = np.random.default_rng(0)
    physical, action = rng.normal(size=(5, 36)), rng.normal(size=(5, 12))
    image, turned = physical, action
    for _ in range(4):
        image, turned = TASK.transform(image, turned, 1)
    np.testing.assert_allclose(image, physical, atol=1e-12)
    np.testing.assert_array_equal(turned, action)
    image, turned = TASK.transform(*TASK.transform(physical, action, 4), 4)
    np.testing.assert_allclose(image, physical, atol=1e-12)
    np.testing.assert_array_equal(turned, action)


@pytest.mark.parametrize("seed", range(4))
def test_feet_are_where_the_model_has_them(seed: int):
    rng = np.random.default_rng(seed)
    legs = rng.uniform(DKITTY.position_min_rad, DKITTY.position_max_rad)
    pose = rng.uniform(-0.6, 0.6, 6)
    pose[5] *= 5
    data = mujoco.MjData(SCENE.model)
    data.qpos[SCENE.joint_qpos] = legs
    place_bodies(SCENE, data, pose[None])
    mujoco.mj_forward(SCENE.model, data)
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
