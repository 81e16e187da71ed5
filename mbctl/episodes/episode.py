"""One episode: what has been observed and asked for, and the row that each step leaves behind."""

import numpy as np
from numpy.typing import NDArray

from hal.types import Vector
from mbctl.data.layout import RowLayout
from mbctl.episodes.environment import Step
from mbctl.episodes.seeding import EpisodeSeed
from mbctl.tasks.task import Task

Row = NDArray[np.float32]


class Episode:
    """The state of a running episode; who runs it says where the robot is and what was sent.

    `begin` with the first measurement; then for each step `request` an action, carry it out, and
    `arrive` where it led.

    Args:
        layout: of the task's rows.
        goal: [G], for the whole episode.
        explore: actors draw noise; otherwise they act as well as they can.

    Attributes:
        noise: of the policy's exploration; None without.
        physical: [P] where the robot is.
        last_action: [A] as requested, clipped to [-1, 1]; zeros at the start.
        observation: [O] float32, composed of these and the goal.
        steps: taken so far.
    """

    def __init__(
        self, task: Task, layout: RowLayout, seed: EpisodeSeed, goal: Vector, *, explore: bool
    ) -> None:
        self.seed = seed
        self.goal = goal
        self.noise = seed.noise_rng() if explore else None
        self.steps = 0
        self.episode_return = 0.0
        self.is_terminated = False
        self.physical: Vector = np.empty(0)
        self.last_action: Vector = np.zeros(layout.action_dim)
        self.observation = np.empty(0, np.float32)
        self._task = task
        self._layout = layout
        self._row: Row = np.empty(layout.width, np.float32)

    @property
    def is_over(self) -> bool:
        """Whether it has run its course."""
        return self.is_terminated or self.steps >= self._task.episode_steps

    @property
    def is_at_last_step(self) -> bool:
        """Whether no action follows the one that is due or under way."""
        return self.steps + 1 >= self._task.episode_steps

    @property
    def is_success(self) -> bool:
        """The task's success in the state arrived in last."""
        return bool(self._task.success(self.physical, self.goal))

    def begin(self, physical: Vector) -> None:
        """The robot stands at the start, in `physical` [P]."""
        self.physical = physical
        self._observe()

    def request(self, action: NDArray[np.floating]) -> NDArray[np.float64]:
        """Take the action [A] that an actor asks for; returns it in double precision, unclipped."""
        requested = action.astype(np.float64)
        self.last_action = np.minimum(np.maximum(requested, -1.0), 1.0)
        return requested

    def arrive(self, step: Step, *, cut: bool = False) -> Row:
        """Take in where the requested action led; returns its row [width], until the next step's.

        Args:
            cut: the episode ends here although it has not run its course.
        """
        row, layout = self._row, self._layout
        row[layout.observation] = self.observation
        self.steps += 1
        self.episode_return += step.reward
        self.is_terminated = step.terminated
        self.physical = step.physical
        self._observe()
        row[layout.action] = step.applied
        row[layout.reward] = step.reward
        row[layout.next_observation] = self.observation
        row[layout.terminated] = step.terminated
        row[layout.truncated] = step.truncated or cut
        row[layout.valid] = step.valid
        return row

    def _observe(self) -> None:
        observed = self._task.observation(self.physical, self.last_action, self.goal)
        self.observation = np.asarray(observed, dtype=np.float32)
