"""What D'Kitty's tasks share: the robot, its physical part, falling, and the benchmark's quirks."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hal.arrays import array_namespace
from hal.limits import action_to_target, bound_target, target_to_action
from hal.robots.dkitty import DKITTY
from hal.types import ResetTarget, RobotSpec, RobotState
from mbctl.tasks import dkitty_physical
from mbctl.tasks.action_cost import no_action_cost
from mbctl.tasks.dkitty_kinematics import feet_features
from mbctl.tasks.dkitty_observation import (
    last_action_part,
    physical_part,
    shared_columns,
    shared_names,
)
from mbctl.tasks.dkitty_physical import HEADING, LEGS, PHYSICAL_NAMES, upright
from mbctl.tasks.dkitty_rotation import turned
from mbctl.tasks.dkitty_symmetry import DKITTY_SYMMETRIES, transform_dkitty
from mbctl.tasks.length import length
from mbctl.tasks.limits import limit_arrays
from mbctl.tasks.reflection import Reflection

Array = Any


@dataclass(frozen=True)
class Quirks:
    """What ROBEL's code does other than it says; the corrected forms are our default.

    Attributes:
        height_counts_as_distance: the distance from the centre has the torso's height in it.
        bonuses_count_once: the two parts of the small bonus of Orient and Walk are joined by "or".
        knees_start_past_their_stop: random poses of Stand bend knees to -2 rad; they stop at -pi/2.
    """

    height_counts_as_distance: bool = False
    bonuses_count_once: bool = False
    knees_start_past_their_stop: bool = False


CORRECTED = Quirks()
AS_IN_ROBEL = Quirks(True, True, True)


@dataclass(frozen=True)
class Falling:
    """How a task values being upright; below `threshold` the robot has fallen: the episode ends.

    Attributes:
        threshold: of the cosine between the torso's up and the world's.
        reward: of being perfectly upright; falls linearly to 0 at the threshold.
        cost: of having fallen.
    """

    threshold: float
    reward: float
    cost: float

    def value(self, cosine: Array) -> Array:
        """Reward [...] of an uprightness [...]."""
        share = (cosine - self.threshold) / (1.0 - self.threshold)
        return self.reward * share - self.cost * flag(cosine < self.threshold, cosine)


@dataclass(frozen=True)
class DKittyTask(ABC):
    """One of D'Kitty's tasks.

    Attributes:
        random: draw start and goal; otherwise they are always the same.
        observation_kind: "default", or "paper" or "robel" for the benchmark's own columns.
        quirks: where to do as the benchmark's code does.
    """

    random: bool
    observation_kind: str = "default"
    quirks: Quirks = CORRECTED
    period_s: float = 0.1
    episode_steps: int = 80
    symmetries: int = DKITTY_SYMMETRIES

    falling: ClassVar[Falling]

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    def robot(self) -> RobotSpec:
        return DKITTY

    @property
    def physical_names(self) -> tuple[str, ...]:
        return PHYSICAL_NAMES

    @property
    @abstractmethod
    def goal_names(self) -> tuple[str, ...]: ...

    @property
    def observation_names(self) -> tuple[str, ...]:
        return (*shared_names(self.observation_kind), *self._own_names())

    @property
    @abstractmethod
    def reflection(self) -> Reflection | None: ...

    @abstractmethod
    def sample_start(self, rng: np.random.Generator) -> ResetTarget: ...

    @abstractmethod
    def sample_goal(self, rng: np.random.Generator) -> np.ndarray: ...

    def physical_from_state(self, state: RobotState) -> np.ndarray:
        return dkitty_physical.physical_of(state)

    def observation(self, physical: Array, last_action: Array, goal: Array) -> Array:
        xp = array_namespace(physical)
        shared = shared_columns(self.observation_kind, physical, last_action)
        return xp.concat([shared, self._own_columns(physical, goal)], axis=-1)

    def physical(self, observation: Array) -> Array:
        return physical_part(self.observation_kind, observation)

    def last_action(self, observation: Array) -> Array:
        return last_action_part(self.observation_kind, observation)

    @abstractmethod
    def goal(self, observation: Array) -> Array: ...

    def physical_difference(self, after: Array, before: Array) -> Array:
        return dkitty_physical.difference(after, before)

    def dynamics_inputs(self, physical: Array, action: Array, kinematic: bool) -> Array:
        """Where the robot is does not matter; its heading turns the motion over the ground only."""
        xp = array_namespace(physical)
        heading = physical[..., HEADING]
        over_ground = turned(physical[..., 18], physical[..., 19], heading)
        turning = xp.stack([xp.cos(heading), xp.sin(heading), *over_ground], axis=-1)
        parts = [physical[..., 2:HEADING], turning, physical[..., HEADING + 1 :], action]
        if kinematic:
            low, high, _ = limit_arrays(DKITTY, physical)
            commanded = action_to_target(action, low, high)
            parts.append(feet_features(physical, physical[..., LEGS], commanded))
        return xp.concat(parts, axis=-1)

    def applied_action(self, physical: Array, action: Array) -> Array:
        low, high, velocity = limit_arrays(DKITTY, physical)
        target = action_to_target(action, low, high)
        sent = bound_target(target, physical[..., LEGS], low, high, velocity * self.period_s)
        return target_to_action(sent, low, high)

    @abstractmethod
    def reward(self, physical: Array, goal: Array) -> Array: ...

    def action_cost(self, applied_action: Array) -> Array:
        return no_action_cost(applied_action)

    @abstractmethod
    def objective(self, physical: Array, goal: Array) -> Array: ...

    def terminated(self, physical: Array) -> Array:
        """Fallen; what is not a number has fallen too."""
        return ~(upright(physical) >= self.falling.threshold)

    @abstractmethod
    def success(self, physical: Array, goal: Array) -> Array: ...

    def transform(self, physical: Array, action: Array, symmetry: int) -> tuple[Array, Array]:
        return transform_dkitty(physical, action, symmetry)

    @abstractmethod
    def _own_names(self) -> tuple[str, ...]: ...

    @abstractmethod
    def _own_columns(self, physical: Array, goal: Array) -> Array: ...

    def _centre_distance(self, physical: Array) -> Array:
        """How far the torso has moved from where it started, [...] m."""
        axes = 3 if self.quirks.height_counts_as_distance else 2
        return length(physical[..., :axes])

    def _small_bonus(self, first: Array, second: Array, like: Array) -> Array:
        """5 for each of two conditions [...]."""
        if self.quirks.bonuses_count_once:
            return 5.0 * flag(first | second, like)
        return 5.0 * (flag(first, like) + flag(second, like))


def flag(condition: Array, like: Array) -> Array:
    """1 where a condition [...] holds and 0 elsewhere, of the kind of `like` [...]."""
    xp = array_namespace(like)
    return xp.where(condition, xp.ones_like(like), xp.zeros_like(like))
