"""A task as `reset` and `step`, for training and evaluation inside one process.

The daemons do without: there the control loop owns the robot, the clock and the rows. Who steps an
environment composes observations with the task, keeps the last action (as requested, clipped to
[-1, 1]) and makes the rows.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hal.types import Vector
from mbctl.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Start:
    """How an episode begins; the last action before it is zero.

    Attributes:
        physical: [P].
        goal: [G], for the whole episode.
    """

    physical: Vector
    goal: Vector


@dataclass(frozen=True, slots=True)
class Step:
    """What one action came to.

    Attributes:
        physical: [P] arrived in.
        applied: [A] the action after clipping and the robot's limits, in [-1, 1].
        reward: the task's, with the cost of the action taken off.
        terminated: the episode has ended for good.
        truncated: it has run its course; both may be true at once.
        valid: everything was measured; a row without that never trains a model.
    """

    physical: Vector
    applied: Vector
    reward: float
    terminated: bool
    truncated: bool
    valid: bool = True


@runtime_checkable
class Environment(Protocol):
    """One episode after another; after an ended one, only `reset` may follow."""

    @property
    def task(self) -> Task:
        """What the rewards and the ends are those of."""
        ...

    def reset(self, rng: np.random.Generator) -> Start:
        """Begin an episode, whose start and goal depend on `rng` alone."""
        ...

    def step(self, action: NDArray[np.floating]) -> Step:
        """Take one control step with the requested action [A].

        Raises:
            ValueError: the action is of the wrong shape or not finite, or no episode is running.
        """
        ...

    def close(self) -> None:
        """Let go of what lies behind. Repeatable."""
        ...


class EpisodeCount:
    """Steps of the running episode, and whether there is one.

    Args:
        task: says how many steps an episode has, and how many actions.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._taken: int | None = None

    def begin(self) -> None:
        """An episode begins."""
        self._taken = 0

    def check(self, action: NDArray[np.floating]) -> NDArray[np.float64]:
        """The action [A] in double precision.

        Raises:
            ValueError: see `Environment.step`.
        """
        if self._taken is None:
            raise ValueError("step needs a running episode; call reset first")
        names = self._task.robot.joint_names
        if np.shape(action) != (len(names),):
            raise ValueError(
                f"action has shape {np.shape(action)}, expected ({len(names)},): {', '.join(names)}"
            )
        if not np.isfinite(action).all():
            worst = int(np.argmin(np.isfinite(action)))
            raise ValueError(f"action of {names[worst]!r} is {action[worst]}, expected a number")
        return np.asarray(action, dtype=np.float64)

    def taken(self, *, terminated: bool) -> bool:
        """A step has been taken; returns whether the episode has run its course."""
        assert self._taken is not None  # `check` comes before
        self._taken += 1
        truncated = self._taken >= self._task.episode_steps
        if terminated or truncated:
            self._taken = None
        return truncated
