"""A batch of episodes, one control cycle at a time: reset, steps, rows, next episode."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hal.limits import action_to_target, target_to_action
from hal.types import ResetTarget, RobotState, Vector
from mbctl.episodes.actor import PolicyActor
from mbctl.episodes.environment import draw_start, take_step
from mbctl.episodes.episode import Episode
from mbctl.episodes.seeding import PURPOSE_NUMBERS, EpisodeSeed
from mbctl.policies.manifest import row_layout
from mbctl.tasks.task import Task
from services.controller.control.control_fault import ControlFaultError
from services.controller.control.guarded_robot import GuardedRobot
from services.controller.control.policy_holder import PolicyHolder
from services.controller.control.service_link import ServiceLink
from services.ipc.row_message import RowMessage
from services.ipc.state_board import EpisodeOnBoard


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """What was asked for.

    Attributes:
        operation: name of the operation that waits for it.
        count: episodes.
        purpose: "train" or "evaluate".
        explore: sample actions.
        first_index: of the first episode in the purpose's seeded sequence.
    """

    operation: str
    count: int
    purpose: str
    explore: bool
    first_index: int


@dataclass(slots=True)
class _Sent:
    """The command of the step under way."""

    applied: Vector  # [A]
    policy_version: int
    observation_ns: int
    command_ns: int
    valid: bool


class EpisodeBatch:
    """The running batch; there is at most one."""

    def __init__(
        self,
        order: BatchOrder,
        task: Task,
        seed: int,
        robot: GuardedRobot,
        policies: PolicyHolder,
        actor: PolicyActor,
        link: ServiceLink,
    ) -> None:
        self.order = order
        self._task = task
        self._layout = row_layout(task)
        self._seed = seed
        self._robot = robot
        self._policies = policies
        self._actor = actor
        self._link = link
        self._episode: Episode | None = None
        self._start: ResetTarget | None = None  # until the robot is there
        self._sent: _Sent | None = None
        self._start_wall_ns = 0
        self._clipped_steps = 0
        self._first_version = 0
        self._finished = 0
        self._cut: tuple[str, str] | None = None
        self.is_done = False

    @property
    def is_cut(self) -> bool:
        """Whether its next step is its last."""
        return self._cut is not None

    @property
    def episode_id(self) -> str:
        """Of the running episode; empty between two, and while the robot is led to its start."""
        is_running = self._episode is not None and self._start is None
        return self._episode_seed().episode_id if is_running else ""

    @property
    def step_number(self) -> int:
        """Step of the running episode."""
        return 0 if self._episode is None else self._episode.steps

    def on_board(self) -> EpisodeOnBoard:
        """How it shows in the status."""
        episode_id = self._episode_seed().episode_id
        return EpisodeOnBoard(self.order.operation, episode_id, self._finished, self.order.count)

    def cut(self, reason: str, message: str) -> None:
        """End the running episode with the next measurement, and the batch with it."""
        self._cut = self._cut or (reason, message)

    def abort(self, reason: str, message: str) -> None:
        """End at once, without a further measurement: a command's outcome is never known."""
        if not self.is_done:
            self._finish_episode("FAULT", is_success=False)
            self._finish(reason, message)

    def step(self, state: RobotState) -> None:
        """One control cycle.

        Raises:
            ControlFaultError: the robot must be stopped; `abort` is up to the caller.
        """
        if self._cut is not None:
            self._step_cut(state, *self._cut)
        elif self._episode is None:
            self._begin_episode()
        elif self._start is not None:
            self._lead_to(self._start)
        elif self._episode.steps or self._robot.is_ready(state):
            self._step_episode(self._episode, state)

    def _episode_seed(self) -> EpisodeSeed:
        """Of the running episode, or of the one that begins next."""
        return EpisodeSeed(self._seed, self.order.purpose, self.order.first_index + self._finished)

    def _begin_episode(self) -> None:
        self._policies.at_boundary()
        self._first_version = self._policies.version
        seed = self._episode_seed()
        start, goal = draw_start(self._task, seed.start_rng())
        episode = Episode(self._task, self._layout, seed, goal, explore=self.order.explore)
        self._episode, self._sent, self._clipped_steps = episode, None, 0
        self._start_wall_ns = time.time_ns()
        self._actor.begin(seed.plan_seed())
        self._link.emit({"type": "episode_started", **self._facts(episode)})
        self._lead_to(start)

    def _lead_to(self, start: ResetTarget) -> None:
        self._start = None if self._robot.reset(start) else start

    def _step_episode(self, episode: Episode, state: RobotState) -> None:
        self._observe(episode, state)
        if episode.is_over:
            self._complete_episode(episode)
            if self._finished == self.order.count:
                self._finish("", "")
            return
        if self._link.row_room < 1:
            raise ControlFaultError(
                "ROW_RING_FULL",
                f"no room for step {episode.steps} of {episode.seed.episode_id}: "
                "the service process does not take rows away",
            )
        self._policies.at_step()
        policy = self._policies.policy
        if policy is None:
            raise ControlFaultError("NO_POLICY", "no policy has been handed over")
        self._actor.policy = policy
        self._send(episode, state, episode.request(self._actor.act(episode)), policy.version)

    def _observe(self, episode: Episode, state: RobotState, *, cut: bool = False) -> None:
        """Take in a measurement; the row that it closes, if one is open, is sent."""
        physical, sent = self._task.physical_from_state(state), self._sent
        if sent is None:
            episode.begin(physical)
            return
        self._sent = None
        step = take_step(
            self._task,
            episode.goal,
            episode.steps + 1,
            physical,
            sent.applied,
            valid=sent.valid and state.is_valid,
        )
        row = episode.arrive(step, cut=cut)
        self._link.push_row(
            RowMessage(
                episode.seed.episode_id,
                episode.steps - 1,
                sent.policy_version,
                sent.observation_ns,
                sent.command_ns,
                time.time_ns(),
                PURPOSE_NUMBERS[episode.seed.purpose],
                episode.is_over or cut,
                row.tobytes(),
            )
        )

    def _send(
        self, episode: Episode, state: RobotState, requested: NDArray[np.float64], version: int
    ) -> None:
        """Send a requested action [A], and open the row of the step that begins with `state`."""
        spec = self._task.robot
        low, high = spec.command_min, spec.command_max
        if np.isfinite(requested).all():
            target = action_to_target(requested, low, high)
        else:  # bounding would hide an infinity; the gate has to see that the policy is broken
            target = np.full(len(spec.joints), np.nan)
        sent = self._robot.send(state, target)
        applied = target_to_action(sent.target, low, high)
        self._clipped_steps += sent.clipped
        self._sent = _Sent(applied, version, state.stamp_ns, sent.stamp_ns, state.is_valid)
        self._actor.carried_out(episode, applied)

    def _step_cut(self, state: RobotState, reason: str, message: str) -> None:
        episode = self._episode
        if episode is not None and self._start is None:
            self._observe(episode, state, cut=True)
        if episode is not None and episode.is_over:
            self._complete_episode(episode)
        else:
            self._finish_episode("CANCELLED", is_success=False)
        self._finish(reason, message)

    def _complete_episode(self, episode: Episode) -> None:
        end = "TERMINATED" if episode.is_terminated else "TRUNCATED"
        self._finish_episode(end, is_success=episode.is_success)

    def _finish_episode(self, end_reason: str, *, is_success: bool) -> None:
        episode = self._episode
        if episode is None:
            return
        self._finished += 1
        self._episode = None
        self._link.emit(
            {
                "type": "episode_finished",
                **self._facts(episode),
                "steps": episode.steps,
                "return": episode.episode_return,
                "success": is_success,
                "end_reason": end_reason,
                "clipped_steps": self._clipped_steps,
            }
        )

    def _finish(self, reason: str, message: str) -> None:
        self.is_done = True
        self._link.emit(
            {
                "type": "episodes_done",
                "operation": self.order.operation,
                "ok": not reason,
                "reason": reason,
                "message": message,
                "finished": self._finished,
            }
        )

    def _facts(self, episode: Episode) -> dict[str, str | int]:
        return {
            "operation": self.order.operation,
            "episode_id": episode.seed.episode_id,
            "purpose": episode.seed.purpose,
            "index": episode.seed.index,
            "policy_version": self._first_version,
            "start_wall_ns": self._start_wall_ns,
        }
