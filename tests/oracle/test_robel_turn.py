"""Our D'Claw Turn against ROBEL's own classes: same actions, same observations and rewards."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hal.clock import ManualClock
from hal.limits import action_to_target
from hal.robots.dclaw import DCLAW
from hal.types import JointCommand, ResetTarget
from mbctl.tasks.registry import make_task
from sim.robot import MujocoRobot

EPISODES = 3


@pytest.fixture(scope="module")
def said(robel_copy: Path) -> dict[str, np.ndarray]:
    """What ROBEL's environment said to the actions, and the actions."""
    folder = robel_copy
    steps = make_task("dclaw-turn-random").episode_steps
    actions = np.random.default_rng(7).normal(size=(EPISODES, steps, 9)) * 0.7
    np.save(folder / "actions.npy", actions)
    program = Path(__file__).with_name("robel_turn.py")
    subprocess.run(
        [sys.executable, str(program), str(folder), "actions.npy", "out.npz"],
        cwd=folder,
        check=True,
        timeout=300,
        env={**os.environ, "MUJOCO_GL": "disabled"},
    )
    with np.load(folder / "out.npz") as found:
        return {"actions": actions, **{name: found[name] for name in found.files}}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_observations_rewards_and_success_agree(said):
    task = make_task("dclaw-turn-random", "robel")
    steps = task.episode_steps
    with MujocoRobot("dclaw", task.period_s, ManualClock()) as robot:
        robot.configure()
        robot.activate()
        for episode in range(EPISODES):
            goal = np.array([said["goal"][episode]])
            valve = np.array([said["first_position"][episode][-1]])
            robot.reset(ResetTarget(np.array(DCLAW.home_position_rad), valve))
            physical = task.physical_from_state(robot.read())
            first = task.observation(physical, np.zeros(9), goal)
            np.testing.assert_allclose(first, said["first_observation"][episode], atol=1e-6)
            for step in range(steps):
                asked = np.clip(said["actions"][episode, step], -1, 1)
                applied = task.applied_action(physical, asked)
                target = action_to_target(applied, DCLAW.position_min_rad, DCLAW.position_max_rad)
                robot.write(JointCommand(target))
                physical = task.physical_from_state(robot.read())
                k = episode * steps + step
                observation = task.observation(physical, asked, goal)
                np.testing.assert_allclose(observation, said["observation"][k], atol=1e-5)
                assert task.reward(physical, goal) == pytest.approx(said["reward"][k], abs=1e-4)
                assert bool(task.success(physical, goal)) == bool(said["success"][k])
    assert len(said["reward"]) == EPISODES * steps
