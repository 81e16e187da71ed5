"""Durable ingestion: an acknowledgement leaves only after the rows are on the disk."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import grpc
import grpc.aio
import structlog

from mbctl.data.chunk import ChunkError, ChunkRecord, public_name
from mbctl.data.chunk_store import ChunkRefusedError, ChunkStore, SequenceError, SpoolEnd
from mbctl.data.chunk_writer import ChunkWriter
from mbctl.data.layout import RowLayout
from mbctl.data.sqlite import StoreBusyError, StoreError, StoreValueError
from protos import common_pb2, trainer_pb2, trainer_pb2_grpc
from services import wire
from services.errors import ServiceError, invalid_field, refusal

IN_FLIGHT_MAX = 64  # chunks of one stream that wait for the disk; more are left to flow control
HEAR_OUT_S = 0.2

log = structlog.get_logger()

Requests = AsyncIterator[trainer_pb2.StreamChunksRequest]
FoundT = TypeVar("FoundT")


@dataclass(eq=False)
class _Stream:
    """One robot's stream: chunks on their way to the disk, in order; None ends it."""

    robot: str
    spool_id: str
    writes: asyncio.Queue[asyncio.Future[int] | None] = field(default_factory=asyncio.Queue)
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT_MAX))
    refused: bool = False  # what still comes is read and dropped

    def refuse(self) -> None:
        """Take nothing more; a reader that waits for room goes on."""
        self.refused = True
        self.room.release()

    def fail(self, error: ServiceError) -> None:
        """End with `error`, told after the writes before it."""
        self.refuse()
        write: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        write.add_done_callback(_mark_heard)
        write.set_exception(error)
        self.writes.put_nowait(write)


class IngestServicer(trainer_pb2_grpc.IngestServiceServicer):
    """Takes chunks of one task's rows.

    Args:
        task: its name; rows of another task are refused.
        on_stored: called after rows became durable.
        on_error: called with why rows could not be stored, and with "" when they could again.
    """

    def __init__(
        self,
        store: ChunkStore,
        writer: ChunkWriter,
        layout: RowLayout,
        task: str,
        on_stored: Callable[[], None],
        on_error: Callable[[str], None],
    ) -> None:
        self._store = store
        self._writer = writer
        self._layout = layout
        self._task = task
        self._on_stored = on_stored
        self._on_error = on_error
        self._streams: dict[str, _Stream] = {}

    @property
    def robots(self) -> list[str]:
        """Robots with an open stream."""
        return sorted(self._streams)

    async def GetResumePoint(
        self, request: trainer_pb2.GetResumePointRequest, context: grpc.aio.ServicerContext
    ) -> trainer_pb2.GetResumePointResponse:
        _check_spool_id(request.spool_id)
        if request.boundary < 0:
            raise invalid_field("boundary", request.boundary, "a row number, or 0")
        return await self._look_up(lambda: self._resume_point(request))

    def _resume_point(
        self, request: trainer_pb2.GetResumePointRequest
    ) -> trainer_pb2.GetResumePointResponse:
        """Indices first: rows that are stored meanwhile must be among those counted after them."""
        store, spool_id = self._store, request.spool_id
        train = store.next_index(request.robot, "train")
        evaluate = store.next_index(request.robot, "evaluate")
        end = self._end(spool_id)
        return trainer_pb2.GetResumePointResponse(
            next_sequence=end.next_sequence,
            digest=end.digest,
            boundary_digest=store.digest_at(spool_id, request.boundary),
            next_train_index=train,
            next_evaluate_index=evaluate,
        )

    async def StreamChunks(
        self, request_iterator: Requests, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[trainer_pb2.StreamChunksResponse]:
        try:
            stream = await self._open(request_iterator)
        except ServiceError:
            await _hear_out(asyncio.create_task(_drop(request_iterator)))
            raise
        reader = asyncio.create_task(self._read(stream, request_iterator))
        try:
            yield _acknowledgement(await self._look_up(lambda: self._end(stream.spool_id)))
            async for end in self._durable(stream):
                yield _acknowledgement(end)
            await reader
        except ServiceError:
            self._close(stream)
            stream.refuse()
            await _hear_out(reader)
            raise
        finally:
            reader.cancel()
            self._close(stream)
            with contextlib.suppress(asyncio.CancelledError, grpc.aio.BaseError):
                await reader

    def _close(self, stream: _Stream) -> None:
        """Leave its robot to another stream; what is queued is stored, but nobody hears of it."""
        if self._streams.get(stream.robot) is stream:
            del self._streams[stream.robot]
        while not stream.writes.empty():
            write = stream.writes.get_nowait()
            if write is not None:
                write.cancel()

    async def _open(self, requests: Requests) -> _Stream:
        first = await anext(aiter(requests), None)
        if first is None or first.WhichOneof("kind") != "hello":
            raise invalid_field("kind", first and first.WhichOneof("kind"), "hello comes first")
        hello = first.hello
        if not 0 < len(hello.robot) <= 64 or not hello.robot.isprintable():
            raise invalid_field("hello.robot", hello.robot, "1 to 64 printable characters")
        _check_spool_id(hello.spool_id)
        self._check_layout(hello.layout)
        stream = _Stream(hello.robot, hello.spool_id)
        self._replace(stream)
        return stream

    def _replace(self, stream: _Stream) -> None:
        """Make `stream` its robot's; a broken stream of the same spool must not lock it out."""
        old = self._streams.get(stream.robot)
        if old is not None and old.spool_id != stream.spool_id:
            message = (
                f"robot {stream.robot!r} streams already, from spool {public_name(old.spool_id)}; "
                f"this is spool {public_name(stream.spool_id)}: two controllers have one robot name"
            )
            raise refusal("ROBOT_IN_USE", message)
        if old is not None:
            message = f"robot {stream.robot!r} opened another stream"
            old.fail(ServiceError(grpc.StatusCode.ABORTED, "STREAM_REPLACED", message))
        self._streams[stream.robot] = stream

    async def _read(self, stream: _Stream, requests: Requests) -> None:
        """Check chunks and hand them to the writer; a wrong one is told after those before it."""
        try:
            async for request in requests:
                if not stream.refused:
                    await stream.room.acquire()
                if not stream.refused:
                    self._submit(stream, request)
        finally:
            stream.writes.put_nowait(None)

    def _submit(self, stream: _Stream, request: trainer_pb2.StreamChunksRequest) -> None:
        try:
            write = asyncio.wrap_future(self._writer.submit(self._checked(stream, request)))
        except StoreError as error:
            stream.fail(_storing_failed(error))
        except ServiceError as error:
            stream.fail(error)
        else:
            write.add_done_callback(_mark_heard)
            stream.writes.put_nowait(write)

    async def _durable(self, stream: _Stream) -> AsyncIterator[SpoolEnd]:
        """Where the spool ends as chunks become durable; several at once are told as one."""
        told = 0
        write = await stream.writes.get()
        while write is not None:
            sequence = await self._stored(stream, write)
            caught_up = stream.writes.empty()
            write = None if caught_up else stream.writes.get_nowait()
            if sequence > told and (write is None or not _succeeded(write)):
                end = await self._end_behind(stream.spool_id, sequence)
                told = end.next_sequence
                self._on_stored()
                yield end
            if caught_up:
                write = await stream.writes.get()

    async def _stored(self, stream: _Stream, write: asyncio.Future[int]) -> int:
        try:
            sequence = await write
        except (ChunkRefusedError, StoreError) as error:
            if not isinstance(error, ChunkRefusedError | StoreValueError):
                self._on_error(str(error))
            raise _storing_failed(error) from error
        stream.room.release()
        self._on_error("")
        return sequence

    def _checked(self, stream: _Stream, request: trainer_pb2.StreamChunksRequest) -> ChunkRecord:
        if request.WhichOneof("kind") != "chunk":
            raise invalid_field("kind", request.WhichOneof("kind"), "chunk after the first message")
        try:
            chunk = wire.chunk_from_proto(request.chunk, stream.spool_id)
            chunk.check(self._layout)
        except ChunkError as error:
            field_name = f"chunk {request.chunk.header.first_sequence}"
            raise _chunk_refused(error, field_name) from error
        if chunk.robot != stream.robot:
            raise invalid_field("chunk.header.robot", chunk.robot, f"{stream.robot!r}")
        if chunk.task != self._task:
            message = f"rows of task {chunk.task!r}, this trainer learns {self._task!r}"
            raise refusal("TASK_MISMATCH", message, [("chunk.header.task", message)])
        return chunk

    def _check_layout(self, message: common_pb2.RowLayout) -> None:
        try:
            layout = wire.layout_from_proto(message)
        except ValueError as error:
            text = f"hello.layout: {error}"
            raise refusal("FIELD_INVALID", text, [("hello.layout", text)]) from error
        if layout != self._layout:
            text = (
                f"rows have layout {layout.hash[:12]} ({layout.width} columns), task "
                f"{self._task!r} has {self._layout.hash[:12]} ({self._layout.width} columns)"
            )
            raise refusal("LAYOUT_MISMATCH", text, [("hello.layout", text)])

    async def _end_behind(self, spool_id: str, sequence: int) -> SpoolEnd:
        """An end of the spool's durable chunks at `sequence`, which is one, or later."""
        end = self._store.known_end(spool_id)
        if end is not None and end.next_sequence >= sequence:
            return end
        digest = await self._look_up(lambda: self._store.digest_at(spool_id, sequence))
        return SpoolEnd(sequence, digest)

    def _end(self, spool_id: str) -> SpoolEnd:
        """The end as it is on the disk, where nothing may have been written that is lost."""
        sequence = self._store.next_sequence(spool_id)
        digest = self._store.digest_at(spool_id, sequence)
        self._writer.check()
        return SpoolEnd(sequence, digest)

    async def _look_up(self, read: Callable[[], FoundT]) -> FoundT:
        """What `read` finds in the database, which may keep it waiting."""
        try:
            return await asyncio.to_thread(read)
        except StoreError as error:
            if not isinstance(error, StoreBusyError):
                self._writer.fail(error)
            raise _storing_failed(error) from error


def _acknowledgement(end: SpoolEnd) -> trainer_pb2.StreamChunksResponse:
    return trainer_pb2.StreamChunksResponse(next_sequence=end.next_sequence, digest=end.digest)


def _succeeded(write: asyncio.Future[int]) -> bool:
    return write.done() and not write.cancelled() and write.exception() is None


def _mark_heard(write: asyncio.Future[int]) -> None:
    """A failure that nobody waits for any more is no programming error."""
    if not write.cancelled():
        write.exception()


async def _hear_out(reader: asyncio.Task[None]) -> None:
    """Let what a refused robot is sending arrive.

    A stream that ends while its client writes is reset, and the client never learns why. A daemon
    that stops cancels this only: the refusal still goes out.
    """
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait([reader], timeout=HEAR_OUT_S)
    reader.cancel()


async def _drop(requests: Requests) -> None:
    async for _ in requests:
        pass


def _check_spool_id(spool_id: str) -> str:
    if len(spool_id) != 32 or set(spool_id) - set("0123456789abcdef"):
        found = f"{len(spool_id)} characters"  # never the id itself: it authorises
        raise invalid_field("spool_id", found, "32 hexadecimal digits, lower case")
    return spool_id


def _chunk_refused(error: ChunkError, field_name: str) -> ServiceError:
    if error.reason == "LAYOUT_MISMATCH":
        return refusal(error.reason, str(error), [(field_name, str(error))])
    code = grpc.StatusCode.INVALID_ARGUMENT
    return ServiceError(code, error.reason, str(error), ((field_name, str(error)),))


def _storing_failed(error: ChunkRefusedError | StoreError) -> ServiceError:
    facts = {"expected_sequence": str(error.expected)} if isinstance(error, SequenceError) else {}
    return refusal(error.reason, str(error), (), **facts)
