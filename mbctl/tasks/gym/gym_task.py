"""What the benchmark tasks share: a body that only Gymnasium has, observed as Gymnasium tells it.

The physical part is Gymnasium's observation followed by what the reward needs besides, as its info
names it; the observation is the physical part. Actions in [-1, 1] stand for the action space's
range. Starts and goals are drawn by Gymnasium, from the seed that it is given.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from hal.arrays import array_namespace
from hal.errors import ReasonedError
from hal.types import JointSpec, ResetTarget, RobotSpec, RobotState, Vector
from mbctl.tasks.task import Array, BaseTask

Options = Mapping[str, Any]


class NoRobotError(ReasonedError, ValueError):
    """A benchmark task was asked for what only a task on a robot has."""

    reason = "NO_ROBOT"


class GymTask(BaseTask):
    """One benchmark task.

    Attributes:
        gym_id: Gymnasium's name of it.
        options: how Gymnasium is to make it.
        model: of the body.
        actuators: names of the A actions.
        action_limit: magnitude of the largest action, in its own units.
        cost_weight: w in the cost of acting, w |action|^2, in the same units.
        info_columns: entries of Gymnasium's info that stand behind its observation in the physical
            part; 0 after a reset, where nothing has moved yet.
        robot: the action space as a robot, so that learners find names and ranges of the actions.
            "Positions" are the actuators' own commands; a period suffices for the whole range.
    """

    gym_id: ClassVar[str]
    options: ClassVar[Options] = {}
    model: ClassVar[str]
    actuators: ClassVar[tuple[str, ...]]
    action_limit: ClassVar[float] = 1.0
    cost_weight: ClassVar[float] = 0.0
    info_columns: ClassVar[tuple[str, ...]] = ()
    episode_steps = 1000

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if hasattr(cls, "actuators"):
            limit, speed = cls.action_limit, 2.0 * cls.action_limit / cls.period_s
            joints = tuple(JointSpec(name, -limit, limit, speed) for name in cls.actuators)
            cls.robot = RobotSpec(f"gym-{cls.model}", joints, (), (0.0,) * len(joints))

    @property
    def observation_names(self) -> tuple[str, ...]:
        return self.physical_names

    def physical_from_gym(
        self, observation: Vector, info: Mapping[str, Any], before: Vector | None
    ) -> Vector:
        """The physical part [P] of what Gymnasium tells.

        Args:
            observation: Gymnasium's.
            info: Gymnasium's.
            before: [P] of the step before; None after a reset.
        """
        extra = [0.0 if before is None else float(info[name]) for name in self.info_columns]
        return np.concatenate([observation, extra])

    def goal_from_gym(self, observation: Vector) -> Vector:
        """The goal [G] of the episode whose first observation this is."""
        return self.goal(observation)

    def sample_start(self, rng: np.random.Generator) -> ResetTarget:
        raise NoRobotError(f"{self.name!r} starts where Gymnasium resets it to; no robot has it")

    def physical_from_state(self, state: RobotState) -> np.ndarray:
        raise NoRobotError(f"{self.name!r} is measured by Gymnasium; no robot has its state")

    def observation(self, physical: Array, last_action: Array, goal: Array) -> Array:
        return physical

    def physical(self, observation: Array) -> Array:
        return observation

    def last_action(self, observation: Array) -> Array:
        """Not in the observation, so zeros."""
        shape, xp = (*observation.shape[:-1], len(self.actuators)), array_namespace(observation)
        return xp.zeros(shape, dtype=observation.dtype, device=observation.device)

    def applied_action(self, physical: Array, action: Array) -> Array:
        return array_namespace(action).clip(action, -1.0, 1.0)

    def action_cost(self, applied_action: Array) -> Array:
        xp = array_namespace(applied_action)
        return self.cost_weight * xp.sum((self.action_limit * applied_action) ** 2, axis=-1)

    def success(self, physical: Array, goal: Array) -> Array:
        """Gymnasium knows none; not having ended for good counts."""
        return ~self.terminated(physical)
