"""A robot's end of the ingest stream that does nothing else: as fast as the trainer takes rows."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import grpc.aio
import numpy as np

from mbctl.data.chunk import ChunkRecord
from mbctl.policies.manifest import row_layout
from mbctl.tasks.task import Task
from protos import trainer_pb2, trainer_pb2_grpc
from services import wire

ACK_S = 60.0


@dataclass(frozen=True)
class Batch:
    """How rows are sent.

    Attributes:
        rows: in all; a multiple of `per_message`.
        per_message: rows in a chunk.
        ack_each: wait for each message's acknowledgement before the next.
    """

    rows: int
    per_message: int
    ack_each: bool = False


def build_chunks(task: Task, batch: Batch) -> list[ChunkRecord]:
    """Chunks of random rows of a robot and spool of their own.

    Raises:
        ValueError: the rows do not fill whole chunks.
    """
    if batch.rows < batch.per_message or batch.rows % batch.per_message:
        raise ValueError(f"{batch.rows} rows do not fill chunks of {batch.per_message}")
    spool_id, layout = secrets.token_hex(16), row_layout(task)
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((batch.rows, layout.width)).astype("<f4")
    matrix[:, layout.terminated :] = (0.0, 0.0, 1.0)
    now_ns = time.monotonic_ns()
    stamps = now_ns + 10_000_000 * np.arange(2 * batch.rows, dtype="<i8").reshape(-1, 2)
    return [
        ChunkRecord(
            spool_id=spool_id,
            first_sequence=first + 1,
            row_count=batch.per_message,
            robot=f"bench-{spool_id[:8]}",
            task=task.name,
            episode_id="t00000000",
            first_step=first,
            policy_version=1,
            calibration_version="none",
            backend="mujoco",
            purpose="train",
            layout_hash=layout.hash,
            boot_id=spool_id,
            wall_ns=time.time_ns(),
            rows=matrix[first : first + batch.per_message].tobytes(),
            stamps=stamps[first : first + batch.per_message].tobytes(),
        )
        for first in range(0, batch.rows, batch.per_message)
    ]


async def send(
    channel: grpc.aio.Channel, task: Task, chunks: Sequence[ChunkRecord], ack_each: bool
) -> float:
    """Seconds from the first chunk to the acknowledgement of the last, which is then on the disk.

    Raises:
        grpc.aio.AioRpcError: the trainer refused.
        TimeoutError: it did not acknowledge.
    """
    call = trainer_pb2_grpc.IngestServiceStub(channel).StreamChunks()
    try:
        hello = trainer_pb2.Hello(
            spool_id=chunks[0].spool_id,
            robot=chunks[0].robot,
            layout=wire.layout_to_proto(row_layout(task)),
        )
        await call.write(trainer_pb2.StreamChunksRequest(hello=hello))
        await _acknowledged(call, 1)
        begin = time.perf_counter()
        await (_send_each(call, chunks) if ack_each else _send_stream(call, chunks))
        return time.perf_counter() - begin
    finally:
        call.cancel()


async def _send_each(call: grpc.aio.StreamStreamCall, chunks: Sequence[ChunkRecord]) -> None:
    for chunk in chunks:
        await call.write(_request(chunk))
        await _acknowledged(call, chunk.next_sequence)


async def _send_stream(call: grpc.aio.StreamStreamCall, chunks: Sequence[ChunkRecord]) -> None:
    async def write() -> None:
        for chunk in chunks:
            await call.write(_request(chunk))

    writer = asyncio.create_task(write())
    try:
        await _acknowledged(call, chunks[-1].next_sequence)
        await writer
    finally:
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError, grpc.aio.BaseError):
            await writer


async def _acknowledged(call: grpc.aio.StreamStreamCall, sequence: int) -> None:
    """Read until every row below `sequence` is acknowledged."""
    while True:
        answer = await asyncio.wait_for(call.read(), ACK_S)
        if not isinstance(answer, trainer_pb2.StreamChunksResponse):
            raise ConnectionError(f"the trainer ended the stream: {await call.details()}")
        if answer.next_sequence >= sequence:
            return


def _request(chunk: ChunkRecord) -> trainer_pb2.StreamChunksRequest:
    return trainer_pb2.StreamChunksRequest(chunk=wire.chunk_to_proto(chunk))
