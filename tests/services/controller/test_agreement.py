"""Spool and trainer over a real stream, after one of them was put back from a backup: no row that
only one place has is ever deleted, and no row is stored twice."""

import asyncio
import contextlib
import importlib.util
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mbctl.data.chunk import (
    INDEX_MAX,
    NAMED_INDEX_MAX,
    ChunkRecord,
    EpisodeSummary,
    public_name,
)
from mbctl.data.chunk_store import ChunkStore
from mbctl.data.episode_id import index_of
from mbctl.episodes.seeding import TRAIN
from mbctl.policies.manifest import row_layout
from mbctl.tasks.registry import make_task
from protos import trainer_pb2, trainer_pb2_grpc
from services.channel import open_aio_channel
from services.controller.sealer import ChunkSealer, Provenance
from services.controller.spool import Spool
from services.controller.uplink import Uplink
from services.ipc.row_message import RowMessage
from services.server import Servicing, build_server

_SPEC = importlib.util.spec_from_file_location(
    "trainer_double", Path(__file__).parent / "trainer_double.py"
)
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
TrainerDouble = _MODULE.TrainerDouble

TASK = "dclaw-turn-random"
LAYOUT = row_layout(make_task(TASK))
PROVENANCE = Provenance("dclaw0", TASK, LAYOUT.hash, "sim", "mujoco", "boot")
STEPS = 40


class Robot:
    """A controller's spool that fills with episodes and is copied and put back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[bytes] = []  # every one that it ever wrote
        self.reopen()

    def reopen(self) -> None:
        self.spool = Spool(ChunkStore(self.path))

    def run(self, episodes: int) -> None:
        """Write whole episodes, numbered as the controller numbers them."""
        for _ in range(episodes):
            index = self.spool.next_index("dclaw0", "train")
            chunks = list(_episode(index, len(self.rows)))
            self.rows += [
                c.rows[i : i + LAYOUT.row_bytes]
                for c in chunks
                for i in range(0, len(c.rows), LAYOUT.row_bytes)
            ]
            self.spool.enqueue(chunks)
            assert self.spool.write()

    def back_up(self) -> Path:
        """A copy of the directory, as of now."""
        self.spool.close()
        copy = self.path.with_suffix(".copy")
        shutil.copy(self.path, copy)
        self.reopen()
        return copy

    def put_back(self, copy: Path) -> None:
        self.spool.close()
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        shutil.copy(copy, self.path)
        self.reopen()


def _episode(index: int, salt: int) -> Iterator[ChunkRecord]:
    sealer = ChunkSealer(PROVENANCE)
    rng = np.random.default_rng(salt)
    name = f"t{index:08d}"
    for step in range(STEPS):
        row = rng.uniform(-1, 1, LAYOUT.width).astype("<f4")
        row[LAYOUT.terminated :] = (0.0, 0.0, 1.0)
        stamp = salt + step
        message = RowMessage(name, step, 1, stamp, stamp, stamp, TRAIN, False, row.tobytes())
        yield from sealer.add(message, 0)
        if step % 16 == 15:
            yield from sealer.finish(None)
    episode = EpisodeSummary(
        name, "dclaw0", TASK, "train", index, 1, STEPS, -1.0, False, "TRUNCATED", salt, 0
    )
    yield from sealer.finish(episode)


@contextlib.asynccontextmanager
async def uplink(spool: Spool, address: str):
    async with open_aio_channel(address) as channel:
        link = Uplink(spool, "dclaw0", LAYOUT, channel, random.Random(0))
        task = asyncio.create_task(link.run())
        try:
            yield link
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            spool._listeners.clear()  # its event loop ends with it


def deliver(spool: Spool, address: str) -> None:
    """Run an uplink until the trainer has everything."""

    async def run() -> None:
        async with uplink(spool, address) as link, asyncio.timeout(30):
            while not spool.trainer_connected or spool.counts().rows:
                await asyncio.sleep(0.02)
                assert "MISMATCH" not in link.error

    asyncio.run(run())


@pytest.fixture
def robot(tmp_path):
    made = Robot(tmp_path / "spool.db")
    yield made
    made.spool.close()


@pytest.fixture
def trainer(tmp_path, free_port):
    double = TrainerDouble(tmp_path / "trainer.db", free_port())
    double.start()
    yield double
    double.stop()


def episode_ids(trainer) -> list[str]:
    with ChunkStore(trainer.path, read_only=True) as store:
        return [e.episode_id for _, e in store.episodes(limit=10_000)][::-1]


def check_all_once(robot: Robot, trainer) -> None:
    stored = trainer.rows()
    assert sorted(stored) == sorted(robot.rows)
    assert len(set(stored)) == len(stored)
    identities = episode_ids(trainer)
    assert len(set(identities)) == len(identities) == len(robot.rows) // STEPS


@pytest.mark.parametrize("more", [0, 2, 5])
def test_a_spool_put_back_from_a_backup_keeps_its_new_rows(robot, trainer, more, capsys):
    """The trainer is ahead; later rows take numbers that it has other rows under."""
    robot.run(3)
    copy = robot.back_up()
    robot.run(3)
    deliver(robot.spool, trainer.address)
    old = robot.spool.spool_id
    robot.put_back(copy)
    assert robot.spool.next_index("dclaw0", "train") == 3
    robot.run(more)  # 0: behind, 2: still behind, 5: beyond the trainer's number
    assert robot.spool.counts().rows == (3 + more) * STEPS
    deliver(robot.spool, trainer.address)
    check_all_once(robot, trainer)
    assert robot.spool.spool_id != old
    reason = "SPOOL_DIVERGED" if more == 5 else "SPOOL_BEHIND"
    assert robot.spool.continuity.startswith(reason)
    assert robot.spool.counts().rows_written == (3 + more) * STEPS
    assert robot.spool.counts().rows_acknowledged == (3 + more) * STEPS
    robot.run(2)
    deliver(robot.spool, trainer.address)
    check_all_once(robot, trainer)
    assert episode_ids(trainer)[-1] == f"t{max(6, 3 + more) + 1:08d}"
    said = capsys.readouterr().out + robot.spool.continuity
    assert old not in said
    assert public_name(old) in robot.spool.continuity


def test_a_trainer_put_back_from_a_backup_gets_what_is_left(robot, trainer, tmp_path):
    robot.run(2)
    deliver(robot.spool, trainer.address)
    trainer.stop()
    copy = tmp_path / "trainer.copy"
    shutil.copy(trainer.path, copy)
    trainer.start()
    robot.run(2)
    deliver(robot.spool, trainer.address)
    trainer.stop()
    shutil.copy(copy, trainer.path)
    trainer.start()
    robot.run(3)
    deliver(robot.spool, trainer.address)
    assert robot.spool.continuity.startswith("TRAINER_BEHIND: 80 rows")
    kept = robot.rows[: 2 * STEPS] + robot.rows[4 * STEPS :]
    assert trainer.rows() == kept
    assert episode_ids(trainer) == [f"t{i:08d}" for i in (0, 1, 4, 5, 6)]
    assert robot.spool.counts().rows_written == 7 * STEPS
    robot.spool.close()
    robot.reopen()  # what was said stays said
    assert robot.spool.continuity.startswith("TRAINER_BEHIND")
    assert robot.spool.counts().rows_written == 7 * STEPS


def test_an_empty_trainer_gets_what_is_left(robot, trainer):
    robot.run(2)
    deliver(robot.spool, trainer.address)
    trainer.stop()
    for path in trainer.path.parent.glob("trainer.db*"):
        path.unlink()
    trainer.start()
    robot.run(1)
    deliver(robot.spool, trainer.address)
    assert trainer.rows() == robot.rows[2 * STEPS :]
    assert "TRAINER_BEHIND: 80 rows" in robot.spool.continuity


def test_a_second_directory_of_the_robot_keeps_its_episodes_apart(robot, trainer, tmp_path):
    """It ran without the trainer, under indices that the first one's episodes have."""
    robot.run(3)
    deliver(robot.spool, trainer.address)
    second = Robot(tmp_path / "second.db")
    second.run(2)
    deliver(second.spool, trainer.address)
    assert second.spool.next_index("dclaw0", "train") == 3
    second.run(1)
    deliver(second.spool, trainer.address)
    assert sorted(trainer.rows()) == sorted(robot.rows + second.rows)
    name = public_name(second.spool.spool_id)
    assert episode_ids(trainer)[3:] == [
        f"t00000000-{name}-1",
        f"t00000001-{name}-41",
        "t00000003",
    ]
    second.spool.close()


def test_an_episode_that_is_under_way_keeps_its_new_id_to_its_end(robot, trainer, tmp_path):
    robot.run(1)
    deliver(robot.spool, trainer.address)
    second = Robot(tmp_path / "second.db")
    first, *rest = _episode(0, 10_000)
    second.spool.enqueue([first])
    assert second.spool.write()
    deliver(second.spool, trainer.address)
    second.spool.enqueue(rest)  # the control process knows nothing of the new id
    assert second.spool.write()
    deliver(second.spool, trainer.address)
    with ChunkStore(trainer.path, read_only=True) as store:
        chunks = [c for _, c in store.chunks_after(0)]
    assert {c.episode_id for c in chunks if c.spool_id == second.spool.spool_id} == {
        f"t00000000-{public_name(second.spool.spool_id)}-1"
    }
    assert len(episode_ids(trainer)) == 2
    second.spool.close()


def test_a_batch_under_way_goes_on_with_ids_of_its_own(robot, trainer, tmp_path):
    """It was given indices before the controller heard that they are taken."""
    robot.run(3)
    deliver(robot.spool, trainer.address)
    second = Robot(tmp_path / "second.db")
    second.spool.enqueue(list(_episode(0, 10_000)))
    assert second.spool.write()

    async def run() -> None:
        async with uplink(second.spool, trainer.address) as link, asyncio.timeout(20):
            for index in range(1, 5):
                while not second.spool.trainer_connected or second.spool.counts().rows:
                    await asyncio.sleep(0.02)
                second.spool.enqueue(list(_episode(index, 10_000 + STEPS * index)))
                assert second.spool.write()
                assert link.error == ""

    asyncio.run(run())
    deliver(second.spool, trainer.address)
    name = public_name(second.spool.spool_id)
    reissued = [f"t{i:08d}-{name}-{1 + STEPS * i}" for i in range(3)]
    assert episode_ids(trainer)[3:] == [*reissued, "t00000003", "t00000004"]
    second.spool.close()


def test_nobody_can_push_a_robots_indices_to_the_end(robot, trainer):
    """Somebody stores rows under its name; it goes on counting, under ids of its own."""
    robot.run(2)
    deliver(robot.spool, trainer.address)
    rogue = Robot(trainer.path.with_name("rogue.db"))
    rogue.spool.enqueue(list(_episode(INDEX_MAX, 10_000)))
    assert rogue.spool.write()
    deliver(rogue.spool, trainer.address)
    rogue.spool.close()
    for first in (2, 4):
        robot.run(1)
        deliver(robot.spool, trainer.address)
        robot.run(1)
        deliver(robot.spool, trainer.address)
        assert robot.spool.next_index("dclaw0", "train") == first + 2
        robot.spool.close()
        robot.reopen()
        assert robot.spool.next_index("dclaw0", "train") == first + 2
    name = public_name(robot.spool.spool_id)
    assert episode_ids(trainer)[3:] == [f"t{i:08d}-{name}-{1 + STEPS * i}" for i in range(2, 6)]
    assert len(trainer.rows()) == 7 * STEPS
    assert len(robot.spool._reissued) <= 1


@pytest.mark.parametrize(("told", "gone_behind"), [(NAMED_INDEX_MAX, True), (INDEX_MAX, False)])
def test_a_trainer_may_name_indices_up_to_half(robot, told, gone_behind):
    robot.run(1)
    robot.spool.make_distinct(1, "dclaw0", {"train": told, "evaluate": 0})
    assert robot.spool.next_index("dclaw0", "train") == (told if gone_behind else 1)
    robot.run(1)
    identity = robot.spool.chunks_from(STEPS + 1, 1)[0].episode_id
    assert (index_of(identity) is None) != gone_behind


class FalseTrainer(trainer_pb2_grpc.IngestServiceServicer):
    """Acknowledges a great deal of what it does not have."""

    def __init__(self, digest: bytes) -> None:
        self.digest = digest
        self.asked = 0

    async def GetResumePoint(self, request, context):
        self.asked += 1
        return trainer_pb2.GetResumePointResponse(next_sequence=1)

    async def StreamChunks(self, request_iterator, context):
        yield trainer_pb2.StreamChunksResponse(next_sequence=1)
        yield trainer_pb2.StreamChunksResponse(next_sequence=81, digest=self.digest)
        await asyncio.sleep(60)


@pytest.mark.parametrize("digest", [b"", b"\0" * 32])
def test_rows_leave_only_for_an_acknowledgement_that_is_theirs(robot, digest):
    robot.run(3)
    false = FalseTrainer(digest)

    async def run() -> None:
        add = trainer_pb2_grpc.add_IngestServiceServicer_to_server
        server = build_server("127.0.0.1:0", [Servicing("ingest", add, false)])
        await server.start()
        try:
            async with uplink(robot.spool, server.address) as link, asyncio.timeout(20):
                while "ACKNOWLEDGEMENT_MISMATCH" not in link.error or false.asked < 3:
                    await asyncio.sleep(0.02)
                assert robot.spool.spool_id not in link.error
        finally:
            await server.stop(0)

    asyncio.run(run())
    assert robot.spool.counts().rows == 3 * STEPS


def test_a_spool_of_an_older_program_goes_on(robot, trainer):
    """It has forgotten rows and never noted what they were."""
    robot.run(2)
    deliver(robot.spool, trainer.address)
    robot.spool.close()
    with ChunkStore(robot.path) as store, store.transaction() as connection:
        for table in ("acknowledged", "parents", "episode_indices"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version=1")
    robot.reopen()
    old = robot.spool.spool_id
    robot.run(1)
    deliver(robot.spool, trainer.address)
    assert (robot.spool.spool_id, robot.spool.continuity) == (old, "")
    assert trainer.rows() == robot.rows


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"next_sequence": 41}, "TRAINER_TOO_OLD"),
        ({"next_sequence": 0}, "TRAINER_NONSENSE: the trainer's next_sequence is 0"),
        ({"next_sequence": -5, "digest": b"1"}, "TRAINER_NONSENSE"),
        ({"next_sequence": 1, "next_train_index": 2**63 - 1}, "next_train_index is 92233720"),
        ({"next_sequence": 1, "next_evaluate_index": -1}, "next_evaluate_index is -1"),
    ],
)
def test_a_trainer_that_nobody_can_agree_with_changes_nothing(robot, answer, reason):
    robot.run(1)
    old = robot.spool.spool_id

    class OddTrainer(trainer_pb2_grpc.IngestServiceServicer):
        async def GetResumePoint(self, request, context):
            return trainer_pb2.GetResumePointResponse(**answer)

    async def run() -> None:
        add = trainer_pb2_grpc.add_IngestServiceServicer_to_server
        server = build_server("127.0.0.1:0", [Servicing("ingest", add, OddTrainer())])
        await server.start()
        try:
            async with uplink(robot.spool, server.address) as link, asyncio.timeout(20):
                while reason not in link.error:
                    await asyncio.sleep(0.02)
        finally:
            await server.stop(0)

    asyncio.run(run())
    assert robot.spool.counts().rows == STEPS
    assert (robot.spool.spool_id, robot.spool.next_index("dclaw0", "train")) == (old, 1)
