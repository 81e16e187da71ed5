"""The six-fold symmetry and the fingertip geometry against the simulated robot itself."""

import numpy as np
import pytest

from hal.clock import ManualClock
from hal.limits import action_to_target
from hal.robots.dclaw import DCLAW
from hal.types import JointCommand, ResetTarget
from mbctl.tasks.dclaw import fingertips
from mbctl.tasks.registry import make_task
from sim.robot import MujocoRobot

TASK = make_task("dclaw-turn-random")


def episode(position: np.ndarray, valve: float, actions: np.ndarray) -> np.ndarray:
    """Physical states [T + 1, 20] of a simulated episode."""
    with MujocoRobot("dclaw", TASK.period_s, ManualClock()) as robot:
        robot.configure()
        robot.activate()
        robot.reset(ResetTarget(position, np.array([valve])))
        states = [TASK.physical_from_state(robot.read())]
        for action in actions:
            applied = TASK.applied_action(states[-1], action)
            target = action_to_target(applied, DCLAW.position_min_rad, DCLAW.position_max_rad)
            robot.write(JointCommand(target))
            states.append(TASK.physical_from_state(robot.read()))
        return np.stack(states)


@pytest.mark.parametrize("symmetry", range(1, TASK.symmetries))
def test_the_image_of_an_episode_is_the_episode_of_the_image(symmetry):
    rng = np.random.default_rng(symmetry)
    actions = np.clip(rng.normal(size=(8, 9)) * 0.6, -1, 1)
    home = np.array(DCLAW.home_position_rad)
    real = episode(home, 0.3, actions)
    image, turned = TASK.transform(real, np.concatenate([actions, actions[:1]]), symmetry)
    again = episode(image[0, :9], image[0, 18], turned[:-1])
    moved = np.abs(np.diff(real[:, :9], axis=0)).mean()
    assert np.abs(again[:, :9] - image[:, :9]).mean() < 0.1 * moved
    assert np.abs(again[:, 18] - image[:, 18]).max() < 0.05


def test_fingertips_lie_on_a_ring_with_three_fold_symmetry():
    x, y, z = (axis[:, 0] for axis in fingertips(np.zeros((1, 9))))
    assert np.hypot(x, y) == pytest.approx([0.06] * 3, abs=2e-3)
    assert z == pytest.approx([0.335 - 0.003 - 0.01425 - 0.2115] * 3)
    angles = np.sort(np.arctan2(y, x))
    assert np.diff(angles) == pytest.approx([2 * np.pi / 3] * 2, abs=0.02)
