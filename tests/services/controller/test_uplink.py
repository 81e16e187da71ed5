"""A row stream whose sending side fails goes on in another stream: it never stands still."""

import asyncio

import pytest

from mbctl.data.sqlite import StoreBusyError, StoreError
from services.controller.uplink import READ_CHUNKS
from tests.services.controller.test_agreement import Robot, TrainerDouble, uplink


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


@pytest.mark.parametrize("kind", [StoreBusyError, StoreError])
def test_rows_that_cannot_be_read_just_now_are_sent_later(robot, trainer, kind):
    robot.run(3)
    spool, reads = robot.spool, []
    chunks_from = spool.chunks_from

    def failing(sequence: int, limit: int):
        if limit == READ_CHUNKS:
            reads.append(sequence)
            if len(reads) == 1:
                raise kind("database spool.db cannot be read now")
        return chunks_from(sequence, limit)

    spool.chunks_from = failing

    async def run() -> None:
        async with uplink(spool, trainer.address), asyncio.timeout(10):
            while not spool.trainer_connected or spool.counts().rows:
                await asyncio.sleep(0.02)

    asyncio.run(run())
    assert trainer.rows() == robot.rows
