"""A task small enough to be learned in seconds, whose motion is known in closed form.

A mass on a plane with drag: v' = (c a - v) / tau, so that over a period h with a constant action a

    v(h) = e v + (1 - e) c a,        e = exp(-h / tau)
    x(h) = x + c a h + tau (1 - e) (v - c a)

Physical part [4]: x, y, v_x, v_y. Goal [2]: where to be. Observation [6]: physical, goal - (x, y).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hal.arrays import array_namespace
from hal.types import JointSpec, ResetTarget, RobotSpec, RobotState
from mbctl.data.layout import RowLayout
from mbctl.episodes.actor import Actor
from mbctl.episodes.environment import take_step
from mbctl.episodes.episode import Episode
from mbctl.episodes.seeding import EpisodeSeed
from mbctl.tasks.task import Task

Array = Any

SPEED = 4.0  # c, m/s, which a full action reaches in the end
TAU_S = 0.1
REACHED_M = 0.2
POINT_MASS = RobotSpec(
    model="point-mass",
    joints=tuple(JointSpec(name, -1.0, 1.0, SPEED) for name in ("x", "y")),
    objects=(),
    home_position_rad=(0.0, 0.0),
)


@dataclass(frozen=True)
class PointMass:
    """From a random place at rest to another; the episode ends for good far outside.

    Attributes:
        far_m: distance from the origin at which it ends.
    """

    far_m: float = 5.0
    name: str = "point-mass"
    robot: RobotSpec = POINT_MASS
    period_s: float = 0.1
    episode_steps: int = 10
    physical_names: tuple[str, ...] = ("x", "y", "vx", "vy")
    goal_names: tuple[str, ...] = ("goal_x", "goal_y")
    observation_names: tuple[str, ...] = ("x", "y", "vx", "vy", "to_goal_x", "to_goal_y")
    reflection: None = None
    symmetries: int = 1

    def sample_start(self, rng: np.random.Generator) -> ResetTarget:
        return ResetTarget(rng.uniform(-1, 1, 2), np.zeros(0))

    def sample_goal(self, rng: np.random.Generator) -> np.ndarray:
        return rng.uniform(-1, 1, 2)

    def physical_from_state(self, state: RobotState) -> np.ndarray:
        return np.concatenate([state.joint_position_rad, state.joint_velocity_rad_s])

    def step(self, physical: Array, action: Array) -> Array:
        """The true dynamics, [..., 4] and [..., 2] to [..., 4]."""
        xp = array_namespace(physical)
        kept = math.exp(-self.period_s / TAU_S)
        reached = SPEED * self.applied_action(physical, action)
        position, velocity = physical[..., :2], physical[..., 2:]
        moved = reached * self.period_s + TAU_S * (1 - kept) * (velocity - reached)
        return xp.concat([position + moved, kept * velocity + (1 - kept) * reached], axis=-1)

    def observation(self, physical: Array, last_action: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        return xp.concat([physical, goal - physical[..., :2]], axis=-1)

    def physical(self, observation: Array) -> Array:
        return observation[..., :4]

    def last_action(self, observation: Array) -> Array:
        return 0 * observation[..., :2]

    def goal(self, observation: Array) -> Array:
        return observation[..., 4:] + observation[..., :2]

    def physical_difference(self, after: Array, before: Array) -> Array:
        return after - before

    def dynamics_inputs(self, physical: Array, action: Array, kinematic: bool) -> Array:
        return array_namespace(physical).concat([physical, action], axis=-1)

    def applied_action(self, physical: Array, action: Array) -> Array:
        xp = array_namespace(action)
        return xp.clip(action, -1, 1)

    def reward(self, physical: Array, goal: Array) -> Array:
        return -self._distance(physical, goal)

    def action_cost(self, applied_action: Array) -> Array:
        xp = array_namespace(applied_action)
        return xp.zeros_like(applied_action[..., 0])

    def objective(self, physical: Array, goal: Array) -> Array:
        return self.reward(physical, goal)

    def terminated(self, physical: Array) -> Array:
        return self._distance(physical, 0 * physical[..., :2]) > self.far_m

    def success(self, physical: Array, goal: Array) -> Array:
        return self._distance(physical, goal) < REACHED_M

    def transform(self, physical: Array, action: Array, symmetry: int) -> tuple[Array, Array]:
        return physical, action

    def _distance(self, physical: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        return xp.sqrt(xp.sum((physical[..., :2] - goal) ** 2, axis=-1))


LAYOUT = RowLayout(PointMass().observation_names, POINT_MASS.joint_names)


def run_episode(
    task: PointMass, actor: Actor, rng: np.random.Generator, explore: bool
) -> tuple[np.ndarray, bool]:
    """Rows [T, width] of one episode as a robot would send them, and its success at the end."""
    if actor.remembers:
        actor.begin(int(rng.integers(2**31)))
    start = np.concatenate([task.sample_start(rng).joint_position_rad, np.zeros(2)])
    episode = begun(task, start, task.sample_goal(rng))
    episode.noise = rng if explore else None
    rows = []
    while not episode.is_over:
        requested = episode.request(actor.act(episode))
        applied = task.applied_action(episode.physical, requested)
        physical = task.step(episode.physical, applied)
        actor.carried_out(episode, applied)
        step = take_step(task, episode.goal, episode.steps + 1, physical, applied)
        rows.append(episode.arrive(step).copy())
    return np.stack(rows), episode.is_success


def begun(task: Task, physical: np.ndarray, goal: np.ndarray) -> Episode:
    """An episode of any task that stands at `physical` and does not explore."""
    layout = RowLayout(task.observation_names, task.robot.joint_names)
    episode = Episode(task, layout, EpisodeSeed(0, "train", 0), goal, explore=False)
    episode.begin(physical)
    return episode


def act(actor: Actor, task: Task, episode: Episode, after: np.ndarray | None = None) -> np.ndarray:
    """What `actor` asks for; its action leads to `after`, by default nowhere."""
    asked = actor.act(episode)
    applied = task.applied_action(episode.physical, episode.request(asked))
    actor.carried_out(episode, applied)
    arrived = episode.physical if after is None else after
    episode.arrive(take_step(task, episode.goal, episode.steps + 1, arrived, applied))
    return asked
