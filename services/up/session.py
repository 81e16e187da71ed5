"""Both daemons, seen from the run: waiting for things to become true, while watching that the
daemons live, the lease holds, and nobody asked to stop."""

import math
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from protos import common_pb2
from protos.controller_pb2 import GetStatusResponse
from protos.trainer_pb2 import TrainerStatus
from services.client import ControllerClient, TrainerClient
from services.client.controller import Episodes, Purpose
from services.errors import refusal
from services.up.process import Watched
from services.up.run_lease import RunLease
from services.up.stop import StopSignals
from services.up.view import Batch, Observer

StatusT = TypeVar("StatusT")

POLL_S = 0.05
STALL_S = 300.0
STOP_WAIT_S = 15.0  # a batch of episodes may end by itself for so long after Ctrl-C


class Session:
    """Connections, lease and watchfulness of one run."""

    def __init__(
        self,
        controller: ControllerClient,
        trainer: TrainerClient,
        command: RunLease,
        daemons: Sequence[Watched],
        signals: StopSignals,
        observer: Observer,
    ) -> None:
        self.controller = controller
        self.trainer = trainer
        self.observer = observer
        self.command = command
        self._daemons = daemons
        self._signals = signals

    def watch(self) -> None:
        """Check that all processes live and show a view if one is due.

        Raises:
            DaemonDiedError: a daemon ended.
            ServiceError: a daemon cannot be asked.
        """
        self._signals.check_now()
        for daemon in self._daemons:
            daemon.check()
        self.observer.offer(self.controller.status, self.trainer.status)

    def show_now(self) -> None:
        """Show how things are, whether a view is due or not."""
        self.observer.hurry()
        self.watch()

    def stop_if_asked(self) -> None:
        """Raise StopRequested after a Ctrl-C; call where stopping loses nothing."""
        self._signals.check()

    def until_trainer(self, done: Callable[[TrainerStatus], bool], what: str) -> TrainerStatus:
        """Wait for the trainer, as long as it makes progress.

        Raises:
            ServiceError: it failed, or nothing has changed for STALL_S seconds.
            StopRequested: somebody pressed Ctrl-C.
        """
        return self._until(self._trainer_status, done, what, _trainer_progress)

    def until_stored(self, rows: int) -> None:
        """Wait for the trainer to have so many rows, whoever presses Ctrl-C: it takes a moment."""
        self._until(
            self._trainer_status,
            lambda status: status.rows_stored >= rows,
            f"waiting for {rows} rows to be stored",
            _trainer_progress,
            may_stop=False,
        )

    def until_controller(
        self, done: Callable[[GetStatusResponse], bool], what: str
    ) -> GetStatusResponse:
        """Wait for the controller; see `until_trainer`."""

        def ask() -> GetStatusResponse:
            status = self.controller.status()
            if not done(status) and _is_e_stopped(status):
                doing = self.observer.doing
                self.wait_while_e_stopped()
                self.observer.doing = doing
                status = self.controller.status()
            return status

        return self._until(ask, done, what, _controller_progress)

    def run_episodes(self, count: int, purpose: Purpose, minimum_policy_version: int) -> Episodes:
        """Run a batch to its end; training explores, evaluation takes the mean.

        After a Ctrl-C the batch has STOP_WAIT_S to end by itself, then it is cancelled.

        Raises:
            ServiceError: the batch failed.
        """
        operation = self.controller.run_episodes(
            self.command.lease,
            count,
            purpose,
            explore=purpose == "train",
            minimum_policy_version=minimum_policy_version,
        )
        asked_at = None
        for metadata in operation.updates(0.2):
            if purpose == "train":
                self.observer.running = metadata.finished
            else:
                self.observer.evaluation(Batch(metadata.finished, count))
            self.watch()
            self.command.lease.check()
            if self._signals.requested and asked_at is None:
                asked_at = time.monotonic()
            if asked_at is not None and time.monotonic() > asked_at + STOP_WAIT_S:
                operation.cancel()
                operation.poll(STOP_WAIT_S)
                self.stop_if_asked()
        self.observer.running = 0
        self.observer.evaluated()
        return operation

    def wait(self, done: Callable[[], bool]) -> None:
        """Wait for something that may take for ever, such as a person.

        Raises:
            StopRequested: somebody pressed Ctrl-C.
        """
        self._until(done, bool, "", str, stall_s=math.inf)

    def wait_while_e_stopped(self) -> bool:
        """Wait until an emergency stop is released, if there is one; whether there was.

        Raises:
            StopRequested: somebody pressed Ctrl-C.
        """
        if not _is_e_stopped(self.controller.status()):
            return False
        self.observer.doing = "E-STOPPED; goes on after: mbctl robot release-estop"
        self.wait(lambda: not _is_e_stopped(self.controller.status()))
        return True

    def _trainer_status(self) -> TrainerStatus:
        status = self.trainer.status()
        if status.phase == "FAILED":
            raise refusal("TRAINER_FAILED", f"the trainer cannot learn: {status.error}")
        return status

    def _until(
        self,
        ask: Callable[[], StatusT],
        done: Callable[[StatusT], bool],
        what: str,
        progress: Callable[[StatusT], str],
        stall_s: float | None = None,
        may_stop: bool = True,
    ) -> StatusT:
        limit_s = STALL_S if stall_s is None else stall_s
        deadline = changed = time.monotonic()
        status = ask()
        seen = progress(status)
        while not done(status):
            self.watch()
            if may_stop:
                self.stop_if_asked()
            deadline = max(deadline + POLL_S, time.monotonic())
            time.sleep(max(0.0, deadline - time.monotonic()))
            status = ask()
            if (now := progress(status)) != seen:
                seen, changed = now, time.monotonic()
            elif time.monotonic() > changed + limit_s:
                raise refusal("STALLED", f"{what}: nothing has changed for {limit_s:g} s; {seen}")
        return status


def _is_e_stopped(status: GetStatusResponse) -> bool:
    return status.lifecycle == common_pb2.LIFECYCLE_E_STOPPED


def _trainer_progress(status: TrainerStatus) -> str:
    said = (
        f"the trainer is {status.phase} at {status.fraction:.2%}, with {status.rows_stored} rows, "
        f"{status.refits} refits and version {status.newest_version}"
    )
    return said + (f"; it says: {status.error}" if status.error else "")


def _controller_progress(status: GetStatusResponse) -> str:
    policy, spool = status.policy, status.spool
    lifecycle = common_pb2.Lifecycle.Name(status.lifecycle).removeprefix("LIFECYCLE_")
    said = (
        f"the robot is {lifecycle} and has policy version {policy.version} of "
        f"{policy.newest_version}, the trainer {spool.rows_acknowledged} of {spool.rows_written} "
        "rows"
    )
    troubles = [spool.error, policy.last_refusal]
    if status.HasField("fault"):
        troubles.append(f"{status.fault.reason}: {status.fault.message}")
    return "; ".join([said, *filter(None, troubles)])
