"""The ingest stream on a loopback server over a real database."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
import pytest

from mbctl.data.chunk import ChunkRecord
from mbctl.data.chunk_store import ChunkStore
from mbctl.data.chunk_writer import ChunkWriter
from mbctl.data.layout import RowLayout
from mbctl.policies.manifest import row_layout
from mbctl.tasks.registry import make_task
from protos import trainer_pb2, trainer_pb2_grpc
from services import wire
from services.channel import open_aio_channel
from services.errors import reason_of
from services.server import Servicing, build_server
from services.trainer.ingest_servicer import IngestServicer

TASK = "dclaw-turn-random"
LAYOUT = row_layout(make_task(TASK))
SPOOL = "ab" * 16
INVALID = grpc.StatusCode.INVALID_ARGUMENT


class Ingest:
    """A server in this process and a client of it."""

    def __init__(self, store: ChunkStore, stub: trainer_pb2_grpc.IngestServiceStub) -> None:
        self.store = store
        self.stub = stub
        self.stored = 0
        self.errors: list[str] = []

    def note_stored(self) -> None:
        self.stored += 1

    def open(self, *requests: trainer_pb2.StreamChunksRequest) -> grpc.aio.StreamStreamCall:
        async def outgoing():
            for request in requests:
                yield request
            await asyncio.sleep(60)

        return self.stub.StreamChunks(outgoing())

    async def refused(
        self, *requests: trainer_pb2.StreamChunksRequest
    ) -> tuple[grpc.StatusCode, str, str, list[int]]:
        """Code, reason and message of a stream that ends badly, and the acks before."""
        acks: list[int] = []

        async def listen() -> None:
            async for answer in self.open(*requests):
                acks.append(answer.next_sequence)  # noqa: PERF401 - kept when it raises

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await asyncio.wait_for(listen(), 20)
        return (*reason_of(caught.value), acks)


def serving(path: Path, scenario: Callable[[Ingest], Awaitable[None]]) -> None:
    async def run() -> None:
        database = path / "a.db"
        with ChunkStore(database, refuse_repeats=True) as store, ChunkWriter(store) as writer:
            ingest = Ingest(store, None)
            servicer = IngestServicer(
                store, writer, LAYOUT, TASK, ingest.note_stored, ingest.errors.append
            )
            add = trainer_pb2_grpc.add_IngestServiceServicer_to_server
            server = build_server("127.0.0.1:0", [Servicing("ingest", add, servicer)])
            await server.start()
            try:
                async with open_aio_channel(server.address) as channel:
                    ingest.stub = trainer_pb2_grpc.IngestServiceStub(channel)
                    await scenario(ingest)
            finally:
                await server.stop(0)

    asyncio.run(run())


def hello(
    spool_id: str = SPOOL, robot: str = "dclaw0", layout: RowLayout = LAYOUT
) -> trainer_pb2.StreamChunksRequest:
    message = trainer_pb2.Hello(spool_id=spool_id, robot=robot, layout=wire.layout_to_proto(layout))
    return trainer_pb2.StreamChunksRequest(hello=message)


def sent(chunk: ChunkRecord) -> trainer_pb2.StreamChunksRequest:
    return trainer_pb2.StreamChunksRequest(chunk=wire.chunk_to_proto(chunk))


async def read_until(call: grpc.aio.StreamStreamCall, sequence: int) -> list[int]:
    acks = []
    while not acks or acks[-1] < sequence:
        acks.append((await asyncio.wait_for(call.read(), 20)).next_sequence)
    return acks


def stored_rows(ingest: Ingest) -> Sequence[ChunkRecord]:
    return ingest.store.chunks_from(SPOOL, 1, 1000)


def test_acknowledged_rows_are_in_the_database(tmp_path: Path, make_chunks) -> None:
    chunks = make_chunks(4000)

    async def scenario(ingest: Ingest) -> None:
        call = ingest.open(hello(), *map(sent, chunks))
        acks = await read_until(call, 4001)
        assert acks[0] == 1
        assert acks == sorted(set(acks))
        assert stored_rows(ingest) == chunks
        assert ingest.stored == len(acks) - 1
        request = trainer_pb2.GetResumePointRequest(spool_id=SPOOL)
        assert (await ingest.stub.GetResumePoint(request, timeout=5)).next_sequence == 4001
        call.cancel()
        again = ingest.open(hello(), *map(sent, chunks[-3:]))
        await read_until(again, 4001)
        assert ingest.store.counts().rows == 4000
        again.cancel()

    serving(tmp_path, scenario)


def broken(chunk: ChunkRecord) -> dict[str, tuple[ChunkRecord, grpc.StatusCode, str, str]]:
    matrix = chunk.matrix.copy()
    matrix[3, 0] = np.inf
    change = dataclasses.replace
    precondition = grpc.StatusCode.FAILED_PRECONDITION
    other_task = change(chunk.episode, task="other")
    return {
        "infinite": (change(chunk, rows=matrix.tobytes()), INVALID, "ROW_NOT_FINITE", "step 3 "),
        "short": (change(chunk, rows=chunk.rows[:-4]), INVALID, "CHUNK_INVALID", "rows is"),
        "stamps": (change(chunk, stamps=b"12"), INVALID, "CHUNK_INVALID", "stamps is '2 bytes'"),
        "many": (change(chunk, row_count=10**6), INVALID, "CHUNK_INVALID", "at most 256"),
        "layout": (
            change(chunk, layout_hash="0" * 64),
            precondition,
            "LAYOUT_MISMATCH",
            "row layout",
        ),
        "gap": (
            change(chunk, first_sequence=99),
            grpc.StatusCode.OUT_OF_RANGE,
            "SEQUENCE_GAP",
            "expected 41",
        ),
        "conflict": (
            change(chunk, first_sequence=1),
            precondition,
            "SEQUENCE_CONFLICT",
            "other contents",
        ),
        "robot": (
            change(chunk, robot="spot", episode=None),
            INVALID,
            "FIELD_INVALID",
            "'spot', expected 'dclaw0'",
        ),
        "task": (
            change(chunk, task="other", episode=other_task),
            precondition,
            "TASK_MISMATCH",
            "learns 'dclaw-turn-random'",
        ),
    }


def test_bad_chunks_are_refused_and_good_ones_before_them_kept(tmp_path: Path, make_chunk) -> None:
    async def scenario(ingest: Ingest) -> None:
        for name, (chunk, code, reason, message) in broken(make_chunk(41)).items():
            answer = await ingest.refused(hello(), sent(make_chunk(1)), sent(chunk))
            assert answer[:2] == (code, reason), name
            assert message in answer[2], name
            assert answer[3][-1] == 41, name
            assert SPOOL not in answer[2], name
        assert ingest.store.counts().rows == 40

    serving(tmp_path, scenario)


def test_bad_beginnings_are_refused(tmp_path: Path, make_chunk) -> None:
    other = RowLayout(("a",), ("b",))
    false_hash = hello()
    false_hash.hello.layout.hash = "f" * 64
    cases = [
        (sent(make_chunk(1)), "FIELD_INVALID", "hello comes first"),
        (hello(spool_id="nonsense"), "FIELD_INVALID", "32 hexadecimal"),
        (hello(robot=""), "FIELD_INVALID", "1 to 64"),
        (hello(layout=other), "LAYOUT_MISMATCH", "columns"),
        (false_hash, "FIELD_INVALID", "names make"),
    ]

    async def scenario(ingest: Ingest) -> None:
        for request, reason, message in cases:
            answer = await ingest.refused(request)
            assert answer[1] == reason
            assert message in answer[2]
        almost = await ingest.refused(hello(spool_id=SPOOL.upper()))
        assert SPOOL.upper() not in almost[2]
        twice = await ingest.refused(hello(), hello())
        assert twice[1] == "FIELD_INVALID"
        request = trainer_pb2.GetResumePointRequest(spool_id="../../etc")
        with pytest.raises(grpc.aio.AioRpcError, match="hexadecimal"):
            await ingest.stub.GetResumePoint(request, timeout=5)

    serving(tmp_path, scenario)


def test_a_robot_that_goes_on_sending_is_told_why_it_is_refused(
    tmp_path: Path, make_chunks
) -> None:
    chunks = make_chunks(800)

    async def scenario(ingest: Ingest) -> None:
        for _ in range(10):
            _, reason, *_ = await ingest.refused(hello(spool_id="zz"), *map(sent, chunks))
            assert reason == "FIELD_INVALID"
        foreign = dataclasses.replace(chunks[1], robot="dclaw1")
        for _ in range(10):
            requests = (hello(), *map(sent, (chunks[0], foreign, *chunks[2:])))
            _, reason, *_ = await ingest.refused(*requests)
            assert reason == "CHUNK_INVALID"
        assert stored_rows(ingest) == chunks[:1]

    serving(tmp_path, scenario)


def test_a_robot_has_one_stream(tmp_path: Path, make_chunk) -> None:
    async def scenario(ingest: Ingest) -> None:
        first = ingest.open(hello(), sent(make_chunk(1)))
        await read_until(first, 41)
        code, reason, message, _ = await ingest.refused(hello(spool_id="cd" * 16))
        assert (code, reason) == (grpc.StatusCode.ALREADY_EXISTS, "ROBOT_IN_USE")
        assert "dclaw0" in message
        assert not any(secret in message for secret in (SPOOL, "cd" * 16))
        # The same spool again: its old connection is broken, whether we know it or not.
        second = ingest.open(hello(), sent(make_chunk(41)))
        await read_until(second, 81)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await first.read()
        assert reason_of(caught.value)[1] == "STREAM_REPLACED"
        second.cancel()

    serving(tmp_path, scenario)


def test_a_full_disk_acknowledges_nothing_and_passes(tmp_path: Path, make_chunks) -> None:
    chunks = make_chunks(800)

    async def scenario(ingest: Ingest) -> None:
        connection = ingest.store._connection
        connection.execute("PRAGMA max_page_count=20")
        code, reason, message, acks = await ingest.refused(hello(), *map(sent, chunks))
        assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "STORE_FULL")
        assert "a.db" in message
        assert "full" in ingest.errors[-1]
        reached = ingest.store.next_sequence(SPOOL)
        assert acks[-1] == reached < 801
        connection.execute("PRAGMA max_page_count=1000000")
        call = ingest.open(hello(), *map(sent, chunks[(reached - 1) // 40 :]))
        await read_until(call, 801)
        assert stored_rows(ingest) == chunks
        assert ingest.errors[-1] == ""
        call.cancel()

    serving(tmp_path, scenario)


def test_a_repeated_episode_is_refused_and_a_repeated_chunk_is_not(
    tmp_path: Path, make_chunk
) -> None:
    async def scenario(ingest: Ingest) -> None:
        call = ingest.open(hello(), sent(make_chunk(1)), sent(make_chunk(1)), sent(make_chunk(41)))
        await read_until(call, 81)
        call.cancel()
        again = dataclasses.replace(make_chunk(41), first_sequence=1)
        other = hello(spool_id="cd" * 16)
        code, reason, message, _ = await ingest.refused(other, sent(again))
        assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "EPISODE_REPEATED")
        assert "'t00000041' of robot 'dclaw0', whose train episodes below 42 are stored" in message
        assert ingest.store.counts().rows == 80
        request = trainer_pb2.GetResumePointRequest(spool_id=SPOOL, robot="dclaw0", boundary=41)
        point = await ingest.stub.GetResumePoint(request, timeout=5)
        assert (point.next_train_index, point.next_evaluate_index) == (42, 0)
        assert point.digest == make_chunk(41).digest
        assert point.boundary_digest == make_chunk(1).digest

    serving(tmp_path, scenario)


def test_each_acknowledgement_says_what_it_acknowledges(tmp_path: Path, make_chunks) -> None:
    chunks = make_chunks(4000)
    digests = {chunk.next_sequence: chunk.digest for chunk in chunks}

    async def scenario(ingest: Ingest) -> None:
        call = ingest.open(hello(), *map(sent, chunks))
        answer = await call.read()
        assert (answer.next_sequence, answer.digest) == (1, b"")
        while answer.next_sequence < 4001:
            answer = await asyncio.wait_for(call.read(), 20)
            assert answer.digest == digests[answer.next_sequence]
        call.cancel()

    serving(tmp_path, scenario)


def test_an_acknowledgement_reads_no_chunk_back(tmp_path: Path, make_chunks, monkeypatch) -> None:
    """The database is busy with the next rows by then."""
    read = []
    digest_at = ChunkStore.digest_at
    monkeypatch.setattr(
        ChunkStore, "digest_at", lambda *found: read.append(found[-1]) or digest_at(*found)
    )

    async def scenario(ingest: Ingest) -> None:
        call = ingest.open(hello(), *map(sent, make_chunks(4000)))
        await read_until(call, 4001)
        assert read == [1]
        call.cancel()

    serving(tmp_path, scenario)


def test_rows_that_are_lost_with_their_file_are_never_acknowledged(
    tmp_path: Path, make_chunk
) -> None:
    """Nor to a robot that asks again before the daemon has ended."""

    async def scenario(ingest: Ingest) -> None:
        call = ingest.open(hello(), sent(make_chunk(1)))
        await read_until(call, 41)
        call.cancel()
        (tmp_path / "a.db").rename(tmp_path / "away")
        _, reason, _, acks = await ingest.refused(hello(), sent(make_chunk(41)))
        assert (reason, acks) in [("STORE_DISPLACED", []), ("STORE_DISPLACED", [41])]
        assert ingest.store.next_sequence(SPOOL) in (41, 81)
        _, reason, _, acks = await ingest.refused(hello())
        assert (reason, acks) == ("STORE_DISPLACED", [])
        request = trainer_pb2.GetResumePointRequest(spool_id=SPOOL)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ingest.stub.GetResumePoint(request, timeout=5)
        assert reason_of(caught.value)[1] == "STORE_DISPLACED"

    serving(tmp_path, scenario)
