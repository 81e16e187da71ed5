"""Real D'Claw data for learners: a few random episodes of the simulated robot."""

import numpy as np
import pytest

from hal.clock import ManualClock
from hal.limits import action_to_target
from hal.robots.dclaw import DCLAW
from hal.types import JointCommand
from mbctl.data.layout import RowLayout
from mbctl.data.replay import Replay
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task
from sim.robot import MujocoRobot


def random_episode(task: Task, robot: MujocoRobot, rng: np.random.Generator) -> np.ndarray:
    """Rows [T, width] of one episode of uniform random actions."""
    robot.reset(task.sample_start(rng))
    goal, last = task.sample_goal(rng), np.zeros(9)
    physical = task.physical_from_state(robot.read())
    rows = []
    for step in range(task.episode_steps):
        action = rng.uniform(-1, 1, 9)
        applied = task.applied_action(physical, action)
        target = action_to_target(applied, DCLAW.position_min_rad, DCLAW.position_max_rad)
        robot.write(JointCommand(target))
        after = task.physical_from_state(robot.read())
        before_row = task.observation(physical, last, goal)
        last, physical = action, after
        ended = [0.0, float(step == task.episode_steps - 1), 1.0]
        arrived = task.observation(physical, last, goal)
        rows.append(
            np.concatenate([before_row, applied, [task.reward(physical, goal)], arrived, ended])
        )
    return np.stack(rows).astype(np.float32)


@pytest.fixture(scope="session")
def episodes() -> list[np.ndarray]:
    """Twelve random episodes of dclaw-turn-random."""
    task, rng = make_task("dclaw-turn-random"), np.random.default_rng(0)
    with MujocoRobot("dclaw", task.period_s, ManualClock()) as robot:
        robot.configure()
        robot.activate()
        return [random_episode(task, robot, rng) for _ in range(12)]


@pytest.fixture
def replay(episodes: list[np.ndarray]) -> Replay:
    task = make_task("dclaw-turn-random")
    filled = Replay(RowLayout(task.observation_names, task.robot.joint_names), None)
    for rows in episodes:
        filled.append(rows, np.arange(len(rows)))
    return filled
