"""The run itself: collect the rows that the next refit needs, let the trainer learn, evaluate.

In lockstep each step waits for the one before, so that the same seed gives the same rows. On a wall
clock the robot goes on while the trainer learns.
"""

import math
from collections.abc import Callable
from typing import Any

from hal.backends import is_simulated
from mbctl.results import CurvePoint, append_point, read_points
from mbctl.tasks.registry import make_task
from protos.controller_pb2 import GetStatusResponse
from protos.trainer_pb2 import TrainerStatus
from services.client.controller import Purpose
from services.errors import ServiceError
from services.up.plan import Plan
from services.up.run_dir import RunDir
from services.up.session import Session
from services.up.view import RECENT_EPISODES

WALL_BATCH = 5  # episodes between two looks at the trainer, on a wall clock

# Refusals of what is right otherwise: somebody stopped the robot or took the lease.
_OF_PEOPLE = frozenset({"LEASE_LOST", "LEASE_REQUIRED", "E_STOPPED", "WRONG_LIFECYCLE"})

Spent = Callable[[], tuple[float, float]]  # wall and processor seconds of all sessions


class Learning:
    """One run from where its directory stands to its budget."""

    def __init__(self, plan: Plan, run_dir: RunDir, session: Session, spent: Spent) -> None:
        self._plan = plan
        self._rhythm = plan.rhythm
        self._run_dir = run_dir
        self._session = session
        self._spent = spent
        self._steps = make_task(
            plan.controller.task.name, plan.controller.task.observation
        ).episode_steps
        self._lockstep = plan.controller.clock == "lockstep"
        self._episodes = 0  # of training, so far

    def run(self) -> CurvePoint:
        """Learn until the budget is used, and return the final evaluation.

        Raises:
            StopRequested: on Ctrl-C, at a moment when nothing is lost.
            ServiceError, DaemonDiedError: it cannot go on.
        """
        status = self._prepare()
        while status.train_rows_stored < self._rhythm.samples:
            self._evaluate_if_due(status)
            self._session.stop_if_asked()
            self._collect(status)
            status = self._learn()
        status = self._learn(always=True)
        point = self._final_point(status)
        while point is None:
            point = self._evaluate(status, self._rhythm.final_episodes, "final evaluation")
        self._session.show_now()
        return point

    def _prepare(self) -> TrainerStatus:
        session = self._session
        self._take_in_past()
        session.observer.doing = "waiting for the first policy"
        session.until_trainer(
            lambda s: s.newest_version > 0 and s.next_refit_at_rows > 0, "waiting for the learner"
        )
        self._settle()
        if (refused := self._activate()) is not None:
            self._wait_for_people(refused)
        return self._learn(always=True)

    def _settle(self) -> None:
        """Wait until no row is on its way, and the controller knows what is at the trainer."""
        session = self._session
        session.observer.doing = "sending rows that wait in the spool"
        session.until_controller(_all_sent, "sending rows that wait in the spool")
        self._take_in_past()

    def _take_in_past(self) -> None:
        """Show what sessions before this one reached."""
        observer, controller = self._session.observer, self._session.controller
        self._episodes = controller.status().spool.next_train_index
        observer.episodes = self._episodes
        observer.recall(controller.episodes(RECENT_EPISODES, "train")[::-1])
        if points := read_points(self._run_dir.curve_csv):
            observer.point = points[-1]

    def _collect(self, status: TrainerStatus) -> None:
        """Run the training episodes that the next refit or the budget needs."""
        wanted = self._rhythm.samples - status.train_rows_stored
        if self._lockstep:
            until_refit = status.next_refit_at_rows - status.train_rows_stored
            wanted = min(wanted, until_refit) if until_refit > 0 else 0
        else:
            wanted = min(wanted, WALL_BATCH * self._steps)
        if wanted > 0:
            self._session.observer.doing = "collecting"
            newest = status.newest_version if self._lockstep else 0
            self._run(math.ceil(wanted / self._steps), "train", newest)

    def _learn(self, always: bool = False) -> TrainerStatus:
        """In lockstep, or `always`, wait for due refits and for the robot to have the result."""
        session = self._session
        if not (self._lockstep or always):
            status = session.trainer.status()
            session.observer.mark(status.train_rows_stored)  # the robot's own pace
            return status
        session.observer.doing = "learning"
        status = session.until_trainer(_nothing_due, "waiting for the refit")
        session.until_controller(
            lambda s: _has_policy(s, status.newest_version),
            f"waiting for the robot to take policy version {status.newest_version}",
        )
        if status.refits:  # the rows before the first refit come much faster
            session.observer.mark(status.train_rows_stored)
        return status

    def _evaluate_if_due(self, status: TrainerStatus) -> None:
        last = self._session.observer.point
        every = self._rhythm.evaluate_every
        if last is None or status.train_rows_stored // every > last.samples // every:
            self._evaluate(status, self._rhythm.evaluation_episodes)

    def _final_point(self, status: TrainerStatus) -> CurvePoint | None:
        last = self._session.observer.point
        if last is None or last.evaluation_episodes < self._rhythm.final_episodes:
            return None
        return last if last.samples == status.train_rows_stored else None

    def _evaluate(
        self, status: TrainerStatus, count: int, doing: str = "evaluating"
    ) -> CurvePoint | None:
        self._session.observer.doing = doing
        newest = status.newest_version if self._lockstep else 0
        response = self._run(count, "evaluate", newest)
        if response is None:
            return None
        point = self._point(status, response.episodes)
        append_point(self._run_dir.curve_csv, point)
        self._session.observer.point = point
        return point

    def _point(self, status: TrainerStatus, episodes: Any) -> CurvePoint:
        wall_s, cpu_s = self._spent()
        return CurvePoint(
            samples=status.train_rows_stored,
            episodes=self._episodes,
            success=sum(e.success for e in episodes) / len(episodes),
            episode_return=sum(e.episode_return for e in episodes) / len(episodes),
            evaluation_episodes=len(episodes),
            first_index=episodes[0].index,
            policy_version=max(e.policy_version for e in episodes),
            model_error_one_step=status.metrics.get("model_error_one_step", math.nan),
            model_error_open_loop=status.metrics.get("model_error_open_loop", math.nan),
            wall_s=wall_s,
            cpu_s=cpu_s,
        )

    def _run(self, count: int, purpose: Purpose, minimum_version: int) -> Any:
        """The response of a finished batch whose rows are all stored; None after somebody
        else had the robot."""
        session = self._session
        before = session.trainer.status().rows_stored
        try:
            operation = session.run_episodes(count, purpose, minimum_version)
            response = operation.result()
        except ServiceError as error:
            self._wait_for_people(error)
            return None
        if purpose == "train":
            session.observer.episodes = self._episodes = response.episodes[-1].index + 1
            session.observer.train_episodes(response.episodes)
        session.until_stored(before + response.rows)
        return response

    def _wait_for_people(self, error: ServiceError) -> None:
        """Go on where somebody took the robot from a run in simulation: once they are done.

        Raises:
            ServiceError: `error`, where it is something else.
        """
        session = self._session
        status = session.controller.status()
        if not is_simulated(status.backend):
            raise error
        refused: ServiceError | None = error
        while refused is not None:
            if not session.wait_while_e_stopped() and refused.reason not in _OF_PEOPLE:
                raise refused
            owner = session.controller.status().lease.owner
            session.observer.doing = f"waiting for the lease, which {owner!r} took"
            session.wait(session.command.regain)
            self._settle()
            refused = self._activate()

    def _activate(self) -> ServiceError | None:
        """Torque on; what the controller said where it refused."""
        try:
            self._session.controller.activate(self._session.command.lease)
        except ServiceError as error:
            return error
        return None


def _all_sent(status: GetStatusResponse) -> bool:
    spool = status.spool
    return spool.trainer_connected and spool.rows_acknowledged >= spool.rows_written


def _nothing_due(status: TrainerStatus) -> bool:
    return status.phase == "WAITING" and status.next_refit_at_rows > status.train_rows_stored


def _has_policy(status: GetStatusResponse, version: int) -> bool:
    return status.policy.version >= version or status.policy.follow not in ("", "latest")
