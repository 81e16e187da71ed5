"""Decides which refit runs next, and turns what the learner reports into operations and versions.

All of it runs on the daemon's event loop. The learner does one refit at a time; refits on demand
come before scheduled ones.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
import structlog

from mbctl.algorithms.schedule import Schedule
from mbctl.data.sqlite import StoreBusyError, StoreFullError
from protos import trainer_pb2
from services.errors import ServiceError
from services.operations import OperationHandle, OperationStore
from services.trainer.messages import (
    Advanced,
    CancelCommand,
    CancelledReport,
    Command,
    Published,
    Ready,
    RefitCommand,
    Report,
)
from services.trainer.pace import Pace
from services.trainer.versions import Versions, version_message
from services.transient import is_transient

KIND = "refits"
QUEUE_MAX = 8
_RETRY_S = 1.0

log = structlog.get_logger()


@dataclass
class Job:
    """A refit that waits or runs.

    Attributes:
        rows: training rows it will use; None means all there are when it starts.
        number: of the attempt; 0 until it was started.
        refit: which refit it is; 0 until it was started.
        phase: WAITING, REFIT, IMPROVE or PUBLISH.
        fraction: of the phase.
    """

    handle: OperationHandle
    rows: int | None
    number: int = 0
    refit: int = 0
    phase: str = "WAITING"
    fraction: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    def start(self, number: int, refit: int, rows: int) -> None:
        """It is given to the learner, for the first time or again."""
        self.number, self.refit, self.rows = number, refit, rows
        self.phase, self.fraction = "REFIT", 0.0
        self._started = time.monotonic()
        self.handle.set_metadata(trainer_pb2.RefitMetadata(refit=refit, phase=self.phase))

    def advance(self, report: Advanced) -> None:
        """The learner says how far it is."""
        self.phase, self.fraction = report.phase, report.fraction
        self.handle.set_metadata(self._metadata(report))

    def _metadata(self, report: Advanced) -> trainer_pb2.RefitMetadata:
        spent = time.monotonic() - self._started
        left = spent * (1.0 - report.overall) / report.overall if report.overall > 0 else 0.0
        values = report.values
        return trainer_pb2.RefitMetadata(
            refit=self.refit,
            phase=report.phase,
            fraction=report.overall,
            epoch=int(values.get("epoch", 0)),
            epochs=int(values.get("epochs", 0)),
            improve_step=int(values.get("improve_step", 0)),
            improve_steps=int(values.get("improve_steps", 0)),
            model_loss=values.get("model_loss", 0.0),
            eta_s=left,
        )


class Refits:
    """The learner's work list; a Listener of its supervisor.

    Args:
        send: gives the learner a command.
        on_health: told whether the learner can work.

    Attributes:
        newest: what the learner published last.
        current: the refit that runs.
        error: why the learner does not work; empty when it does.
        storage_error: why a finished version cannot be recorded; empty when it can.
    """

    def __init__(
        self,
        operations: OperationStore,
        versions: Versions,
        pace: Pace,
        send: Callable[[Command], None],
        on_health: Callable[[bool], None],
    ) -> None:
        self._operations = operations
        self._versions = versions
        self.pace = pace
        self._inbox: asyncio.Queue[Report] = asyncio.Queue()
        self._queue: deque[Job] = deque()
        self._numbers = 0
        self._skipped_rows = 0  # a cancelled scheduled refit is not tried again
        self._send = send
        self._on_health = on_health
        self.ready = False
        self.failed = False
        self.newest: Published | None = None
        self.current: Job | None = None
        self.error = ""
        self.storage_error = ""

    @property
    def next_rows(self) -> int:
        """Training rows at which the next scheduled refit starts; 0 while unknown."""
        done = self.newest.rows if self.newest else 0
        return self.pace.next_rows(max(self._running_rows, done, self._skipped_rows))

    @property
    def _running_rows(self) -> int:
        return self.current.rows or 0 if self.current else 0

    @property
    def _pending_rows(self) -> int:
        """Rows that what runs and waits will draw."""
        return self._running_rows + self.pace.train_rows() * len(self._queue)

    def request(self) -> OperationHandle:
        """Queue a refit on all rows present when it starts.

        Raises:
            ServiceError: too few rows, too many samples per insert, too many refits queued, or the
                learner does not work.
        """
        if self.failed:
            raise _learner_failed(self.error, grpc.StatusCode.FAILED_PRECONDITION)
        self.pace.check(self._pending_rows)
        if len(self._queue) >= QUEUE_MAX:
            message = f"{len(self._queue)} refits wait already, at most {QUEUE_MAX} may"
            raise ServiceError(grpc.StatusCode.RESOURCE_EXHAUSTED, "REFITS_QUEUED", message)
        job = self._make_job(None)
        self._queue.append(job)
        self.start_next()
        return job.handle

    def start_next(self) -> None:
        """Start what is due; called whenever rows came in or the learner became free."""
        if not self.ready or self.current is not None or self.newest is None:
            return
        job = self._queue.popleft() if self._queue else self._scheduled()
        if job is not None:
            rows = job.rows if job.rows is not None else self.pace.train_rows()
            self._start(job, max(rows, self.newest.rows))

    def on_report(self, report: Report) -> None:
        self._inbox.put_nowait(report)

    def on_death(self, error: str) -> None:
        self.ready = False
        self.error = error

    def on_failure(self, error: str) -> None:
        self.ready, self.failed, self.error = False, True, error
        self._on_health(False)
        jobs = [*([self.current] if self.current else []), *self._queue]
        self.current = None
        self._queue.clear()
        for job in jobs:
            job.handle.fail(_learner_failed(error, grpc.StatusCode.INTERNAL))

    async def run(self) -> None:
        """Work through the learner's reports until cancelled."""
        while True:
            report = await self._inbox.get()
            if isinstance(report, Advanced):
                if self.current is not None and self.current.number == report.job:
                    self.current.advance(report)
                continue
            if isinstance(report, Ready):
                await self._become_ready(report)
            elif isinstance(report, Published):
                await self._take(report)
            elif isinstance(report, CancelledReport):
                self._give_up(report)
            self.start_next()

    async def _become_ready(self, report: Ready) -> None:
        self.pace.schedule = Schedule(report.initial_rows, report.rows_per_refit)
        await self._take(report.newest)
        self.ready, self.failed, self.error = True, False, ""
        self._on_health(True)
        job = self.current
        if job is None:
            return
        if job.handle.cancel_requested:
            self._end_cancelled(job)
        else:  # its learner died; the new one stands where that one started
            self._start(job, job.rows or 0)

    async def _take(self, published: Published) -> None:
        """Record a version; with a full disk learning waits for room."""
        deadline = asyncio.get_running_loop().time()
        while True:
            try:
                await self._versions.publish(published)
                break
            except (StoreFullError, StoreBusyError) as error:
                self.storage_error = str(error)
            except OSError as error:
                if not is_transient(error):
                    raise
                self.storage_error = str(error)
            deadline += _RETRY_S
            await asyncio.sleep(deadline - asyncio.get_running_loop().time())
        self.storage_error = ""
        self.newest = published
        job = self.current
        if job is not None and 0 < job.refit <= published.refit:
            self.current = None
            entry = self._versions.get(published.version)
            version = version_message(entry, self._versions.promoted)
            done = trainer_pb2.RefitMetadata(refit=published.refit, phase="PUBLISH", fraction=1.0)
            job.handle.finish(trainer_pb2.RefitResponse(version=version), done)
            log.info("version_published", version=published.version, rows=published.rows)

    def _give_up(self, report: CancelledReport) -> None:
        job = self.current
        if job is not None and job.number == report.job:
            self._end_cancelled(job)

    def _end_cancelled(self, job: Job) -> None:
        self._skipped_rows = max(self._skipped_rows, job.rows or 0)
        self.current = None
        message = f"refit {job.refit} was cancelled; the policy before it stands"
        job.handle.fail(ServiceError(grpc.StatusCode.CANCELLED, "CANCELLED", message))

    def _cancel(self, job: Job) -> None:
        if job is self.current:
            self._send(CancelCommand(job=job.number))
        else:
            self._queue.remove(job)
            message = "the refit was cancelled before it started"
            job.handle.fail(ServiceError(grpc.StatusCode.CANCELLED, "CANCELLED", message))

    def _start(self, job: Job, rows: int) -> None:
        self._numbers += 1
        self.current = job
        refit = self.newest.refit + 1 if self.newest else 1
        job.start(self._numbers, refit, rows)
        self._send(RefitCommand(job=self._numbers, refit=refit, rows=rows))
        log.info("refit_started", refit=refit, rows=rows, operation=job.handle.name)

    def _scheduled(self) -> Job | None:
        rows = self.next_rows
        if self.pace.train_rows() < rows or not self.pace.allows(rows):
            return None
        return self._make_job(rows)

    def _make_job(self, rows: int | None) -> Job:
        handle = self._operations.create(
            KIND,
            trainer_pb2.RefitMetadata(phase="WAITING"),
            on_cancel=lambda: self._cancel(job),
        )
        job = Job(handle, rows)
        return job


def _learner_failed(error: str, code: grpc.StatusCode) -> ServiceError:
    return ServiceError(code, "LEARNER_FAILED", f"the learner process does not work: {error}")
