"""Rows to learn from and to send: random episodes of the simulated robot, repeated as needed."""

import numpy as np

from hal.clock import ManualClock
from hal.limits import action_to_target
from mbctl.data.layout import Rows
from mbctl.data.replay import Replay
from mbctl.policies.manifest import row_layout
from mbctl.tasks.task import Task
from sim.robot import MujocoRobot


def simulated_rows(task: Task, count: int, episodes: int) -> Rows:
    """`count` rows [count, width], whole episodes of uniform random actions, some more than once.

    Args:
        episodes: that are really simulated.
    """
    rng = np.random.default_rng(0)
    with MujocoRobot(task.robot.model, task.period_s, ManualClock()) as robot:
        robot.configure()
        robot.activate()
        distinct = np.concatenate([_episode(task, robot, rng) for _ in range(episodes)])
    repeats = -(-count // len(distinct))
    return np.tile(distinct, (repeats, 1))[:count]


def fill_replay(task: Task, rows: Rows, capacity: int | None = None) -> Replay:
    """A replay that holds `rows`."""
    replay = Replay(row_layout(task), capacity)
    replay.append(rows, np.arange(len(rows)) % task.episode_steps)
    return replay


def _episode(task: Task, robot: MujocoRobot, rng: np.random.Generator) -> Rows:
    spec, actions = task.robot, len(task.robot.joints)
    robot.reset(task.sample_start(rng))
    goal, last = task.sample_goal(rng), np.zeros(actions)
    physical = task.physical_from_state(robot.read())
    rows = []
    for step in range(task.episode_steps):
        requested = rng.uniform(-1, 1, actions)
        applied = task.applied_action(physical, requested)
        target = action_to_target(applied, spec.command_min, spec.command_max)
        robot.write(spec.command(target))
        before = task.observation(physical, last, goal)
        physical, last = task.physical_from_state(robot.read()), requested
        after = task.observation(physical, last, goal)
        flags = [0.0, float(step == task.episode_steps - 1), 1.0]
        reward = task.reward(physical, goal) - task.action_cost(applied)
        rows.append(np.concatenate([before, applied, [reward], after, flags]))
    return np.stack(rows).astype(np.float32)
