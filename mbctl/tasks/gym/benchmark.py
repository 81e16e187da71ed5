"""What a benchmark task is before its functions: names, columns, actions, times."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hal.types import JointSpec, RobotSpec


@dataclass(frozen=True)
class Benchmark:
    """One benchmark task.

    Attributes:
        name: ours.
        gym_id: Gymnasium's.
        model: of the body.
        actuators: names of the A actions.
        period_s: control period.
        physical_names: the P physical columns.
        info_columns: entries of Gymnasium's info that stand behind its observation in the physical
            part; 0 after a reset, where nothing has moved yet.
        action_limit: magnitude of the largest action, in its own units.
        cost_weight: w in the cost of acting, w |action|^2, in the same units.
        episode_steps: steps after which an episode is truncated.
        observed: the O observation columns; the physical ones unless given.
        goal_names: the G goal columns.
        options: how Gymnasium is to make it.
    """

    name: str
    gym_id: str
    model: str
    actuators: tuple[str, ...]
    period_s: float
    physical_names: tuple[str, ...]
    info_columns: tuple[str, ...] = ()
    action_limit: float = 1.0
    cost_weight: float = 0.0
    episode_steps: int = 1000
    observed: tuple[str, ...] = ()
    goal_names: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def robot(self) -> RobotSpec:
        """The action space as a robot, so that learners find names and ranges of the actions.

        "Positions" are the actuators' own commands; a period suffices for the whole range.
        """
        limit, speed = self.action_limit, 2.0 * self.action_limit / self.period_s
        joints = tuple(JointSpec(name, -limit, limit, speed) for name in self.actuators)
        return RobotSpec(f"gym-{self.model}", joints, (), (0.0,) * len(joints))
