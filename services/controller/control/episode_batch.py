"""A batch of episodes, one control cycle at a time: reset, steps, next episode."""

from dataclasses import dataclass

from hal.types import RobotState
from mbctl.policies.snapshot import row_layout
from mbctl.tasks.task import Task
from services.controller.control.control_fault import ControlFaultError
from services.controller.control.episode import Episode, EpisodePlan
from services.controller.control.guarded_robot import GuardedRobot
from services.controller.control.planned_actor import PlannedActor
from services.controller.control.policy_holder import PolicyHolder
from services.controller.control.service_link import ServiceLink
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


class EpisodeBatch:
    """The running batch; there is at most one."""

    def __init__(
        self,
        order: BatchOrder,
        task: Task,
        seed: int,
        robot: GuardedRobot,
        policies: PolicyHolder,
        actor: PlannedActor,
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
        self._is_resetting = False
        self._first_version = 0
        self._finished = 0
        self._cut: tuple[str, str] | None = None
        self.is_done = False

    @property
    def is_cut(self) -> bool:
        """Whether its next step is its last."""
        return self._cut is not None

    @property
    def step_number(self) -> int:
        """Step of the running episode."""
        return 0 if self._episode is None else self._episode.steps

    def on_board(self) -> EpisodeOnBoard:
        """How it shows in the status."""
        plan = self._plan()
        return EpisodeOnBoard(
            self.order.operation, plan.episode_id, self._finished, self.order.count
        )

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
        elif self._is_resetting:
            self._is_resetting = not self._robot.reset(self._episode.start)
        elif self._episode.steps or self._robot.is_ready(state):
            self._step_episode(self._episode, state)

    def _plan(self) -> EpisodePlan:
        order = self.order
        return EpisodePlan(order.purpose, order.first_index + self._finished, order.explore)

    def _begin_episode(self) -> None:
        self._policies.at_boundary()
        self._first_version = self._policies.version
        self._episode = Episode(self._task, self._layout, self._plan(), self._seed)
        self._actor.begin(self._episode.plan_seed)
        self._link.emit({"type": "episode_started", **self._facts(self._episode)})
        self._is_resetting = not self._robot.reset(self._episode.start)

    def _step_episode(self, episode: Episode, state: RobotState) -> None:
        row = episode.observe(state)
        if row is not None:
            self._link.push_row(row)
        if episode.is_over:
            self._complete_episode(episode)
            if self._finished == self.order.count:
                self._finish("", "")
            return
        if self._link.row_room < 1:
            raise ControlFaultError(
                "ROW_RING_FULL",
                f"no room for step {episode.steps} of {episode.plan.episode_id}: "
                "the service process does not take rows away",
            )
        self._policies.at_step()
        policy = self._policies.policy
        if policy is None:
            raise ControlFaultError("NO_POLICY", "no policy has been handed over")
        action = self._actor.act(policy, episode)
        sent = self._robot.send(state, episode.target(action))
        episode.commanded(state, sent, policy.version)
        self._actor.ask(policy, episode)

    def _step_cut(self, state: RobotState, reason: str, message: str) -> None:
        episode = self._episode
        if episode is not None and not self._is_resetting:
            row = episode.observe(state, cut=True)
            if row is not None:
                self._link.push_row(row)
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
                "clipped_steps": episode.clipped_steps,
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
            "episode_id": episode.plan.episode_id,
            "purpose": episode.plan.purpose,
            "index": episode.plan.index,
            "policy_version": self._first_version,
            "start_wall_ns": episode.start_wall_ns,
        }
