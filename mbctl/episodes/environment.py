"""A task as `reset` and `step`, for training and evaluation inside one process.

The daemons do without: there the control loop owns the robot and the clock. Observations and rows
are an `Episode`'s on either way, and so are `take_step`'s rewards and ends.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hal.types import ResetTarget, Vector
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


def draw_start(task: Task, rng: np.random.Generator) -> tuple[ResetTarget, Vector]:
    """Where a robot's episode starts, and its goal [G]; both depend on `rng` alone."""
    start = task.sample_start(rng)
    return start, task.sample_goal(rng)


def take_step(
    task: Task,
    goal: Vector,
    taken: int,
    physical: Vector,
    applied: Vector,
    *,
    terminated: bool | None = None,
    valid: bool = True,
) -> Step:
    """What arriving in `physical` [P] with the action `applied` [A] came to.

    Args:
        goal: [G].
        taken: steps of the episode, this one among them.
        terminated: whether that ended it for good; None: as the task says.
    """
    reward = float(task.reward(physical, goal) - task.action_cost(applied))
    ended = bool(task.terminated(physical)) if terminated is None else terminated
    return Step(physical, applied, reward, ended, taken >= task.episode_steps, valid)


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

    Attributes:
        taken: steps so far; None while no episode is running.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self.taken: int | None = None

    def begin(self) -> None:
        """An episode begins."""
        self.taken = 0

    def check(self, action: NDArray[np.floating]) -> tuple[NDArray[np.float64], int]:
        """The action [A] in double precision, and the number of the step that it makes, from 1.

        Raises:
            ValueError: see `Environment.step`.
        """
        if self.taken is None:
            raise ValueError("step needs a running episode; call reset first")
        names = self._task.robot.joint_names
        if np.shape(action) != (len(names),):
            raise ValueError(
                f"action has shape {np.shape(action)}, expected ({len(names)},): {', '.join(names)}"
            )
        if not np.isfinite(action).all():
            worst = int(np.argmin(np.isfinite(action)))
            raise ValueError(f"action of {names[worst]!r} is {action[worst]}, expected a number")
        return np.asarray(action, dtype=np.float64), self.taken + 1

    def count(self, step: Step) -> Step:
        """The step has been taken; it may have ended the episode."""
        assert self.taken is not None  # `check` comes before
        self.taken = None if step.terminated or step.truncated else self.taken + 1
        return step
