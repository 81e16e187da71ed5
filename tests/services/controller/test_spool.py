"""The spool: contiguous numbers, durable before counted, patient with a full disk."""

import sqlite3
import time

import numpy as np
import pytest

from mbctl.data.chunk_store import ChunkStore
from mbctl.data.sqlite import StoreCorruptError, StoreShortError
from mbctl.episodes.seeding import TRAIN
from services.controller.sealer import ChunkSealer, Provenance
from services.controller.spool import Spool
from services.ipc.row_message import RowMessage

WIDTH = 8
PROVENANCE = Provenance("dclaw0", "dclaw-turn-random", "a" * 64, "sim", "mujoco", "boot")
CHUNK_BYTES = 64 * (4 * WIDTH + 16)


def _chunks(count: int):
    sealer = ChunkSealer(PROVENANCE)
    row = np.ones(WIDTH, dtype="<f4").tobytes()
    for i in range(64 * count):
        step = i % 64
        message = RowMessage(f"t{i // 64:08d}", step, 1, i, i, i, TRAIN, step == 63, row)
        yield from sealer.add(message, 0)
    yield from sealer.finish(None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "spool.db"


def test_numbers_are_contiguous_from_one_and_survive_a_restart(path):
    spool = Spool(ChunkStore(path))
    spool.enqueue(list(_chunks(3)))
    assert spool.write()
    identity = spool.spool_id
    spool.acknowledge(129, spool.digest_at(129))
    spool.close()
    again = Spool(ChunkStore(path))
    again.enqueue(list(_chunks(1)))
    assert again.write()
    firsts = [chunk.first_sequence for chunk in again.chunks_from(0, 100)]
    assert (again.spool_id, firsts) == (identity, [129, 193])
    assert again.first_sequence() == 129
    counts = again.counts()
    assert (counts.rows_written, counts.rows_acknowledged, counts.rows) == (256, 128, 128)
    again.close()


def test_rows_count_once_they_are_durable(path):
    heard = []
    spool = Spool(ChunkStore(path))
    spool.on_stored(lambda: heard.append(spool.next_sequence))
    spool.enqueue(list(_chunks(2)))
    assert (spool.waiting, spool.counts().rows_written, heard) == (2, 0, [])
    assert spool.write()
    assert (spool.waiting, spool.counts().rows_written, heard) == (0, 128, [129])
    spool.close()


def test_a_full_spool_says_so_and_goes_on_when_there_is_room(path):
    spool = Spool(ChunkStore(path, quota_bytes=2 * CHUNK_BYTES))
    spool.enqueue(list(_chunks(2)))
    assert spool.write()
    spool.enqueue(list(_chunks(1)))
    assert not spool.write()
    assert "quota" in spool.error
    assert spool.waiting == 1
    assert spool.counts().error == spool.error
    assert spool.refusal.reason == "SPOOL_FULL"
    spool.acknowledge(65, spool.digest_at(65))
    assert spool.write()
    assert (spool.error, spool.waiting, spool.counts().rows_written) == ("", 0, 192)
    spool.close()


def test_what_does_not_fit_together_is_stored_one_by_one(path):
    spool = Spool(ChunkStore(path, quota_bytes=3 * CHUNK_BYTES))
    spool.enqueue(list(_chunks(10)))
    for acknowledged in (193, 385, 577):
        assert not spool.write()
        assert spool.counts().rows == 192
        spool.acknowledge(acknowledged, spool.digest_at(acknowledged))
    assert spool.write()
    assert spool.counts().rows_written == 640
    spool.close()


def test_a_broken_store_stops_the_spool_for_good(path):
    store = ChunkStore(path)
    spool = Spool(store)
    with store.transaction() as connection:
        connection.execute("DROP TABLE episodes")
        connection.execute("DROP TABLE chunks")
    spool.enqueue(list(_chunks(1)))
    assert not spool.write()
    assert "restart the controller" in spool.error
    assert not spool.write()
    spool.close()


def test_a_store_that_cannot_be_used_just_now_is_tried_again(path, monkeypatch):
    spool = Spool(ChunkStore(path))
    spool.enqueue(list(_chunks(2)))
    append, attempts = ChunkStore.append, []

    def short_once(store, chunks):
        attempts.append(len(chunks))
        if len(attempts) == 1:
            raise StoreShortError("too many open files")
        return append(store, chunks)

    monkeypatch.setattr(ChunkStore, "append", short_once)
    assert not spool.write()
    assert spool.error == "too many open files"
    assert spool.refusal is None  # the batch goes on
    assert spool.write()
    assert (spool.error, spool.waiting) == ("", 0)
    spool.close()


def test_rows_wait_for_somebody_else_so_long_and_no_longer(path, monkeypatch):
    monkeypatch.setattr("services.controller.spool.BUSY_S", 0.05)
    store = ChunkStore(path)
    spool = Spool(store)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    spool.enqueue(list(_chunks(1)))
    assert not spool.write()
    assert "locked" in spool.error
    assert spool.refusal is None
    time.sleep(0.06)
    assert not spool.write()
    assert (spool.refusal.reason, spool.refusal.code.name) == ("STORE_BUSY", "UNAVAILABLE")
    assert "locked" in spool.refusal.message
    other.execute("ROLLBACK")
    other.close()
    assert spool.write()
    assert (spool.error, spool.refusal) == ("", None)
    spool.close()


def test_damage_that_is_found_beside_a_write_stays_told(path, monkeypatch):
    """The row that is being written then is on the disk, but no other will be."""
    spool = Spool(ChunkStore(path))
    append = ChunkStore.append

    def damaged(store, is_cancelled):
        raise StoreCorruptError("page 7 is odd")

    def append_meanwhile(store, chunks):
        spool.check_contents(lambda: False)
        return append(store, chunks)

    monkeypatch.setattr(ChunkStore, "check_contents", damaged)
    monkeypatch.setattr(ChunkStore, "append", append_meanwhile)
    spool.enqueue(list(_chunks(1)))
    spool.write()
    assert "page 7 is odd" in spool.error
    assert spool.refusal.reason == "STORE_CORRUPT"
    assert spool.refusal is not spool.refusal  # else tracebacks of all who raise it pile up
    spool.close()


@pytest.mark.parametrize("rows_wait", [True, False])
def test_a_file_taken_away_is_told_and_nothing_counts_as_durable(path, rows_wait):
    spool = Spool(ChunkStore(path))
    spool.enqueue(list(_chunks(1)))
    assert spool.write()
    path.rename(path.with_suffix(".away"))
    spool._look_at = 0.0  # as a second later
    if rows_wait:
        spool.enqueue(list(_chunks(1)))
    assert spool.write() != rows_wait
    assert "spool.db was removed" in spool.error
    assert spool.refusal.reason == "STORE_DISPLACED"
    assert spool.counts().rows_written == 64
    spool.close()


def test_a_request_is_known_by_the_episodes_that_came_from_it(path):
    """Also after a restart; one that left no row may come again."""
    spool = Spool(ChunkStore(path))
    spool.expect("refused", "train", 0)
    spool.expect("run", "train", 0)
    spool.expect("", "train", 1)
    spool.expect("never", "evaluate", 1)
    assert spool.request("run") is None
    spool.enqueue(list(_chunks(2)))
    assert spool.write()
    spool.close()
    again = Spool(ChunkStore(path))
    assert again.request("run") == ("train", 0)
    assert [again.request(name) for name in ("refused", "", "never")] == [None] * 3
    again.close()


def test_an_acknowledgement_that_tells_nothing_new_writes_nothing(path):
    """As every connection begins with one, on a full disk too."""
    store = ChunkStore(path)
    spool = Spool(store)
    spool.enqueue(list(_chunks(2)))
    assert spool.write()
    for sequence, digest in ((1, b""), (65, spool.digest_at(65)), (129, spool.digest_at(129))):
        spool.acknowledge(sequence, digest)
        before = store._connection.total_changes
        spool.acknowledge(sequence, digest)
        assert store._connection.total_changes == before
        assert spool.digest_at(sequence) == (digest or None)
    spool.close()
