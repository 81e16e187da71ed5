"""A change of the world in the middle of a run, of which the learner is told nothing.

Rajeswaran et al. 2020, section 5 (figure 4): the dynamics change, or the goals come from another
region. Here a robot's links grow longer (or other constants of its simulation change), or goals
come from the other half of the task's own distribution.
"""

from typing import Any, Literal, cast

import numpy as np
from pydantic import Field

from mbctl.config import ConfigError
from mbctl.config.models import Frozen
from mbctl.tasks.task import Task

_DRAWS = 501  # to find the middle of a distribution of goals


class Shift(Frozen):
    """What changes, and when.

    Attributes:
        kind: "dynamics" or "goals".
        at: samples after which everything is as changed.
        link_length, object_damping, actuator_strength: factors; see sim.perturbation.
    """

    kind: Literal["dynamics", "goals"]
    at: int = Field(ge=1)
    link_length: float = Field(default=1.0, gt=0, le=3)
    object_damping: float = Field(default=1.0, gt=0, le=100)
    actuator_strength: float = Field(default=1.0, gt=0, le=10)


class GoalRegion:
    """A task that draws its goals from one half of its distribution; otherwise the task itself.

    The halves lie below and above the median of the first goal column.

    Args:
        upper: which half.

    Raises:
        ConfigError: the task's goals do not vary.
    """

    def __init__(self, task: Task, *, upper: bool) -> None:
        rng = np.random.default_rng(0)
        drawn = np.array([task.sample_goal(rng) for _ in range(_DRAWS)])
        if drawn.shape[1] == 0 or np.ptp(drawn[:, 0]) == 0:
            raise ConfigError(f"task {task.name!r} has one goal only: it cannot change")
        self._task = task
        self._upper = upper
        self._middle = float(np.median(drawn[:, 0]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)

    def sample_goal(self, rng: np.random.Generator) -> np.ndarray:
        """The first goal drawn that lies in the region."""
        while True:
            goal = self._task.sample_goal(rng)
            if (goal[0] > self._middle) == self._upper:
                return goal


def world_task(task: Task, shift: Shift | None, *, shifted: bool) -> Task:
    """The task as the world poses it before or after a shift.

    Raises:
        ConfigError: the task cannot be shifted like this.
    """
    if shift is None or shift.kind == "dynamics":
        return task
    return cast("Task", GoalRegion(task, upper=shifted))
