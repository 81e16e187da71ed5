"""What the benchmark tasks share: a body that only Gymnasium has, observed as Gymnasium tells it.

The physical part is Gymnasium's observation followed by what the reward needs besides, as its info
names it; the observation is the physical part. Actions in [-1, 1] stand for the action space's
range. Starts and goals are drawn by Gymnasium, from the seed that it is given.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hal.arrays import array_namespace
from hal.types import ResetTarget, RobotSpec, RobotState, Vector
from mbctl.tasks.gym.benchmark import Benchmark

Array = Any


class NoRobotError(ValueError):
    """A benchmark task was asked for what only a task on a robot has."""


@dataclass(frozen=True)
class GymTask(ABC):
    """One benchmark task: `facts` as a `Task`, and reward and end from subclasses."""

    facts: ClassVar[Benchmark]

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def robot(self) -> RobotSpec:
        return self.facts.robot

    @property
    def period_s(self) -> float:
        return self.facts.period_s

    @property
    def episode_steps(self) -> int:
        return self.facts.episode_steps

    @property
    def physical_names(self) -> tuple[str, ...]:
        return self.facts.physical_names

    @property
    def observation_names(self) -> tuple[str, ...]:
        return self.facts.observed or self.facts.physical_names

    @property
    def goal_names(self) -> tuple[str, ...]:
        return self.facts.goal_names

    @property
    def reflection(self) -> None:
        return None

    @property
    def symmetries(self) -> int:
        return 1

    def physical_from_gym(
        self, observation: Vector, info: Mapping[str, Any], before: Vector | None
    ) -> Vector:
        """The physical part [P] of what Gymnasium tells.

        Args:
            observation: Gymnasium's.
            info: Gymnasium's.
            before: [P] of the step before; None after a reset.
        """
        extra = [0.0 if before is None else float(info[name]) for name in self.facts.info_columns]
        return np.concatenate([observation, extra])

    def goal_from_gym(self, observation: Vector) -> Vector:
        """The goal [G] of the episode whose first observation this is."""
        return np.zeros(0)

    def sample_start(self, rng: np.random.Generator) -> ResetTarget:
        raise NoRobotError(f"{self.name!r} starts where Gymnasium resets it to; no robot has it")

    def sample_goal(self, rng: np.random.Generator) -> np.ndarray:
        return np.zeros(0)

    def physical_from_state(self, state: RobotState) -> np.ndarray:
        raise NoRobotError(f"{self.name!r} is measured by Gymnasium; no robot has its state")

    def observation(self, physical: Array, last_action: Array, goal: Array) -> Array:
        return physical

    def physical(self, observation: Array) -> Array:
        return observation

    def last_action(self, observation: Array) -> Array:
        """Not in the observation, so zeros."""
        shape = (*observation.shape[:-1], len(self.robot.joints))
        return array_namespace(observation).zeros(shape, dtype=observation.dtype)

    def goal(self, observation: Array) -> Array:
        return observation[..., :0]

    def physical_difference(self, after: Array, before: Array) -> Array:
        return after - before

    def dynamics_inputs(self, physical: Array, action: Array, kinematic: bool) -> Array:
        return array_namespace(physical).concat([physical, action], axis=-1)

    def applied_action(self, physical: Array, action: Array) -> Array:
        return array_namespace(action).clip(action, -1.0, 1.0)

    @abstractmethod
    def reward(self, physical: Array, goal: Array) -> Array: ...

    def action_cost(self, applied_action: Array) -> Array:
        xp = array_namespace(applied_action)
        return self.facts.cost_weight * xp.sum(
            (self.facts.action_limit * applied_action) ** 2, axis=-1
        )

    def objective(self, physical: Array, goal: Array) -> Array:
        """The same as the reward: benchmarks are compared by their returns."""
        return self.reward(physical, goal)

    def terminated(self, physical: Array) -> Array:
        """Never, except for what is not finite."""
        return ~finite(physical)

    def success(self, physical: Array, goal: Array) -> Array:
        """Gymnasium knows none; not having ended for good counts."""
        return ~self.terminated(physical)

    def transform(self, physical: Array, action: Array, symmetry: int) -> tuple[Array, Array]:
        return physical, action


def finite(values: Array) -> Array:
    """Whether all columns [..., P] are finite, [...] bool."""
    xp = array_namespace(values)
    return xp.all(xp.isfinite(values), axis=-1)


def counted(condition: Array, like: Array) -> Array:
    """1 where a condition [...] holds and 0 elsewhere, of the kind of `like` [...]."""
    xp = array_namespace(like)
    return xp.where(condition, xp.ones_like(like), xp.zeros_like(like))
