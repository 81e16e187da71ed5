"""Both daemons, seen from the run: waiting for things to become true, while watching that the
daemons live, the lease holds, and nobody asked to stop."""

import math
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from protos.controller_pb2 import GetStatusResponse
from protos.trainer_pb2 import TrainerStatus
from services.client import ControllerClient, TrainerClient
from services.client.controller import Episodes, Purpose
from services.errors import refusal
from services.up.command import Command
from services.up.process import Watched
from services.up.stop import StopSignals
from services.up.view import Observer

StatusT = TypeVar("StatusT")

POLL_S = 0.05
STALL_S = 120.0
STOP_WAIT_S = 15.0  # a batch of episodes may end by itself for so long after Ctrl-C


class Session:
    """Connections, lease and watchfulness of one run."""

    def __init__(
        self,
        controller: ControllerClient,
        trainer: TrainerClient,
        command: Command,
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
        for daemon in self._daemons:
            daemon.check()
        self.observer.offer(self.controller.status, self.trainer.status)

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
        return self._until(self.controller.status, done, what, _controller_progress)

    def run_episodes(
        self, count: int, purpose: Purpose, first_index: int, minimum_policy_version: int
    ) -> Episodes:
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
            first_index=first_index,
            minimum_policy_version=minimum_policy_version,
        )
        asked_at = None
        for metadata in operation.updates(0.2):
            self.observer.running = metadata.finished if purpose == "train" else 0
            self.watch()
            self.command.lease.check()
            if self._signals.requested and asked_at is None:
                asked_at = time.monotonic()
            if asked_at is not None and time.monotonic() > asked_at + STOP_WAIT_S:
                operation.cancel()
                operation.poll(STOP_WAIT_S)
                self.stop_if_asked()
        self.observer.running = 0
        return operation

    def wait(self, done: Callable[[], bool]) -> None:
        """Wait for something that may take for ever, such as a person.

        Raises:
            StopRequested: somebody pressed Ctrl-C.
        """
        self._until(done, bool, "", bool, stall_s=math.inf)

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
        progress: Callable[[StatusT], object],
        stall_s: float = STALL_S,
        may_stop: bool = True,
    ) -> StatusT:
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
            elif time.monotonic() > changed + stall_s:
                raise refusal(
                    "STALLED", f"{what}: nothing has changed for {stall_s:g} s; last seen: {seen}"
                )
        return status


def _trainer_progress(status: TrainerStatus) -> object:
    return (
        status.phase,
        round(status.fraction, 4),
        status.refits,
        status.newest_version,
        status.rows_stored,
        status.error,
    )


def _controller_progress(status: GetStatusResponse) -> object:
    policy, spool = status.policy, status.spool
    return (
        status.lifecycle,
        policy.version,
        policy.newest_version,
        policy.last_refusal,
        spool.rows_acknowledged,
        spool.error,
    )
