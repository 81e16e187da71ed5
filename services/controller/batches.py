"""Episode batches as long-running operations: started, followed by events, cancelled, ended."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from mbctl.data.chunk import INDEX_MAX, EpisodeSummary, Purpose
from protos import controller_pb2
from services import wire
from services.controller.events import EpisodeLog
from services.controller.tasks import BackgroundTasks
from services.errors import CODES, Code, ServiceError, refusal
from services.operations import OperationHandle, OperationStore

RECENT = 100  # episodes in an operation's metadata
RESPONSE_EPISODES = 1000  # newest episodes in an operation's response

log = structlog.get_logger()


class Perform(Protocol):
    """Sends a command to the control process and waits for its reply.

    Raises:
        ServiceError: refused, or the control process is gone.
    """

    def __call__(self, verb: str, **arguments: Any) -> Awaitable[None]: ...


@dataclass(frozen=True)
class BatchRequest:
    """What to run; see RunEpisodesRequest. Without `first_index` it goes on behind the last."""

    count: int
    purpose: Purpose
    explore: bool
    first_index: int | None
    request_id: str = ""


@dataclass
class _Batch:
    handle: OperationHandle
    requested: int
    first_index: int
    finished: int = 0
    steps: int = 0
    episodes: deque[EpisodeSummary] = field(default_factory=lambda: deque(maxlen=RESPONSE_EPISODES))
    why_cancelled: ServiceError | None = None


class EpisodeOperations:
    """At most one batch runs; every batch is an operation."""

    def __init__(
        self,
        operations: OperationStore,
        episode_log: EpisodeLog,
        perform: Perform,
        summarise: Callable[[dict[str, Any]], EpisodeSummary],
        background: BackgroundTasks,
        next_index: Callable[[Purpose], int],
        expect: Callable[[str, Purpose, int], None],
    ) -> None:
        self._operations = operations
        self._log = episode_log
        self._perform = perform
        self._summarise = summarise
        self._background = background
        self._next_index = next_index
        self._expect = expect
        self._batch: _Batch | None = None

    @property
    def running(self) -> str:
        """Name of the running operation; empty when none is."""
        return self._batch.handle.name if self._batch else ""

    async def start(self, request: BatchRequest) -> OperationHandle:
        """Begin a batch.

        Raises:
            ServiceError: EPISODES_RUNNING, EPISODE_REPEATED, or the control process refuses it.
        """
        if self._batch is not None:
            raise refusal(
                "EPISODES_RUNNING",
                f"{self.running} is running; wait for it, or cancel it first",
                operation=self.running,
            )
        first_index = self._assigned(request)
        empty = controller_pb2.RunEpisodesMetadata(requested=request.count, first_index=first_index)
        handle = self._operations.create("episodes", empty, on_cancel=self._cancel_asked)
        self._batch = _Batch(handle, request.count, first_index)
        self._expect(request.request_id, request.purpose, first_index)
        try:
            await self._perform(
                "run_episodes",
                operation=handle.name,
                count=request.count,
                purpose=request.purpose,
                explore=request.explore,
                first_index=first_index,
            )
        except ServiceError as error:
            self.fail(error)
            raise
        return handle

    def _assigned(self, request: BatchRequest) -> int:
        """The index of the first episode; no index is ever run twice."""
        behind, asked = self._next_index(request.purpose), request.first_index
        if asked is not None and asked < behind:
            raise refusal(
                "EPISODE_REPEATED",
                f"{request.purpose} episode {asked} has been run, or an episode behind it: leave "
                f"first_index out to go on, or use {behind} or more",
                [("first_index", f"{asked}, the next is {behind}")],
                next_index=str(behind),
            )
        first = behind if asked is None else asked
        if first + request.count > INDEX_MAX:
            raise refusal(
                "INDICES_EXHAUSTED",
                f"{request.count} {request.purpose} episodes from {first} on go beyond the last "
                f"index, {INDEX_MAX}: give the robot another name, or its trainer a new directory",
            )
        return first

    def cancel(self, why: ServiceError) -> None:
        """Stop the running batch, if any, and let it end with this error."""
        batch = self._batch
        if batch is not None and batch.why_cancelled is None:
            batch.why_cancelled = why
            self._background.start(self._send_cancel())

    def fail(self, error: ServiceError) -> None:
        """End the running batch, if any, without the control process."""
        batch, self._batch = self._batch, None
        if batch is not None and not batch.handle.done:
            log.warning("episodes_failed", operation=batch.handle.name, reason=error.reason)
            batch.handle.fail(error, self._metadata(batch))

    def take_event(self, event: dict[str, Any]) -> None:
        """Follow `episode_started`, `episode_finished` and `episodes_done`."""
        if event["type"] == "episodes_done":
            self._end(event)
            return
        episode = self._summarise(event)
        finished = event["type"] == "episode_finished"
        self._log.append("finished" if finished else "started", episode)
        batch = self._batch
        if batch is None or batch.handle.name != event["operation"] or not finished:
            return
        batch.finished += 1
        batch.steps += episode.steps
        batch.episodes.append(episode)
        batch.handle.set_metadata(self._metadata(batch))

    def _end(self, event: dict[str, Any]) -> None:
        batch = self._batch
        if batch is None or batch.handle.name != event["operation"]:
            return
        if batch.why_cancelled is not None:
            self.fail(batch.why_cancelled)
        elif not event["ok"]:
            self.fail(batch_error(event["reason"], event["message"]))
        else:
            self._batch = None
            episodes = [wire.episode_to_proto(e) for e in batch.episodes]
            response = controller_pb2.RunEpisodesResponse(episodes=episodes, rows=batch.steps)
            batch.handle.finish(response, self._metadata(batch))

    def _cancel_asked(self) -> None:
        self.cancel(ServiceError(Code.CANCELLED, "CANCELLED", "the batch was cancelled"))

    async def _send_cancel(self) -> None:
        try:
            await self._perform("cancel_episodes")
        except ServiceError as error:
            log.warning("cancel_failed", reason=error.reason, message=error.message)
            self.fail(error)

    def _metadata(self, batch: _Batch) -> controller_pb2.RunEpisodesMetadata:
        recent = list(batch.episodes)[-RECENT:]
        return controller_pb2.RunEpisodesMetadata(
            finished=batch.finished,
            requested=batch.requested,
            steps=batch.steps,
            episodes=[wire.episode_to_proto(e) for e in recent],
            first_index=batch.first_index,
        )


def batch_error(reason: str, message: str) -> ServiceError:
    """Why the control process ended a batch early; a fault aborts it."""
    return ServiceError(CODES.get(reason, Code.ABORTED), reason, message)
