"""One episode: seeded start and goal, observations, and the row that each step leaves behind."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hal.limits import action_to_target, target_to_action
from hal.types import RobotState, Vector
from mbctl.data.episode_id import episode_id
from mbctl.data.layout import RowLayout
from mbctl.episodes.seeding import PURPOSE_NUMBERS
from mbctl.tasks.task import Task
from services.controller.control.guarded_robot import Sent
from services.ipc.row_message import RowMessage

Action = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EpisodePlan:
    """Which episode of the seeded sequence.

    Attributes:
        purpose: "train" or "evaluate"; each has a sequence of its own.
        index: position in it, from 0.
        explore: sample actions; otherwise the mean policy acts.
    """

    purpose: str
    index: int
    explore: bool

    @property
    def episode_id(self) -> str:
        """Unique per robot and run, such as "t00000012"."""
        return episode_id(self.purpose, self.index)


@dataclass(slots=True)
class _OpenRow:
    values: NDArray[np.float32]  # [width], complete up to the action
    policy_version: int
    observation_ns: int
    command_ns: int
    valid: bool


class Episode:
    """The state of a running episode.

    Everything random in it comes from (seed, purpose, index) alone, so it does not depend on what
    ran before.
    """

    def __init__(self, task: Task, layout: RowLayout, plan: EpisodePlan, seed: int) -> None:
        sequence = np.random.SeedSequence([seed, PURPOSE_NUMBERS[plan.purpose], plan.index])
        noise, plans = sequence.spawn(2)
        rng = np.random.Generator(np.random.PCG64(sequence))
        self.start = task.sample_start(rng)
        self._goal = task.sample_goal(rng)
        self.noise = np.random.Generator(np.random.PCG64(noise)) if plan.explore else None
        self.plan_seed = int(plans.generate_state(1, np.uint64)[0] >> np.uint64(1))
        self._task = task
        self._layout = layout
        self.plan = plan
        self.start_wall_ns = time.time_ns()
        self.steps = 0
        self.clipped_steps = 0
        self.episode_return = 0.0
        self.is_terminated = False
        self._last_action = np.zeros(layout.action_dim)
        self._open: _OpenRow | None = None
        self._physical: Vector = np.empty(0)
        self.observation = np.empty(0, np.float32)

    @property
    def is_over(self) -> bool:
        """Whether it has run its course."""
        return self.is_terminated or self.steps >= self._task.episode_steps

    @property
    def is_next_last_observed(self) -> bool:
        """Whether no action follows the one that is under way."""
        return self.steps + 1 >= self._task.episode_steps

    @property
    def is_success(self) -> bool:
        """The task's success in the state measured last."""
        return bool(self._task.success(self._physical, self._goal))

    def observe(self, state: RobotState, *, cut: bool = False) -> RowMessage | None:
        """Take in a measurement; return the row that it closes, if one was open.

        Args:
            cut: the episode ends here although it has not run its course.
        """
        task = self._task
        self._physical = task.physical_from_state(state)
        self.observation = np.asarray(
            task.observation(self._physical, self._last_action, self._goal), dtype=np.float32
        )
        return None if self._open is None else self._close_row(self._open, state, cut)

    def target(self, action: Action) -> Vector:
        """Joint targets [J] for the policy's action; NaN throughout where it is not finite."""
        spec = self._task.robot
        if not np.isfinite(action).all():
            # Clipping would hide an infinity; the gate has to see that the policy is broken.
            return np.full(len(spec.joints), np.nan)
        requested = action.astype(np.float64)
        self._last_action = np.minimum(np.maximum(requested, -1.0), 1.0)
        return action_to_target(requested, spec.command_min, spec.command_max)

    def commanded(self, state: RobotState, sent: Sent, policy_version: int) -> None:
        """Open the row of the step that began with `state` and whose command was sent."""
        spec = self._task.robot
        values = np.zeros(self._layout.width, dtype=np.float32)
        values[self._layout.observation] = self.observation
        values[self._layout.action] = target_to_action(
            sent.target, spec.command_min, spec.command_max
        )
        self.clipped_steps += sent.clipped
        self._open = _OpenRow(values, policy_version, state.stamp_ns, sent.stamp_ns, state.is_valid)

    def sent_from(self) -> tuple[Vector, Vector, Vector, Vector]:
        """Of the step whose command was sent: physical state, goal, action requested, and applied.

        Raises:
            RuntimeError: there is none.
        """
        if self._open is None:
            raise RuntimeError(f"no command has been sent at step {self.steps}")
        applied = self._open.values[self._layout.action]
        return self._physical, self._goal, self._last_action, applied.astype(np.float64)

    def _close_row(self, row: _OpenRow, state: RobotState, cut: bool) -> RowMessage:
        layout, task = self._layout, self._task
        applied = row.values[layout.action]
        reward = float(task.reward(self._physical, self._goal) - task.action_cost(applied))
        self.is_terminated = bool(task.terminated(self._physical))
        self.episode_return += reward
        self.steps += 1
        row.values[layout.reward] = reward
        row.values[layout.next_observation] = self.observation
        row.values[layout.terminated] = self.is_terminated
        row.values[layout.truncated] = self.steps >= task.episode_steps or cut
        row.values[layout.valid] = row.valid and state.is_valid
        self._open = None
        return RowMessage(
            self.plan.episode_id,
            self.steps - 1,
            row.policy_version,
            row.observation_ns,
            row.command_ns,
            time.time_ns(),
            PURPOSE_NUMBERS[self.plan.purpose],
            self.is_over or cut,
            row.values.tobytes(),
        )
