"""Group commit: many chunks share a flush, and one sender's error stays its own."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mbctl.data.chunk_store import ChunkStore, SequenceError
from mbctl.data.chunk_writer import ChunkWriter
from mbctl.data.sqlite import (
    StoreBusyError,
    StoreDisplacedError,
    StoreError,
    StoreFullError,
    StoreValueError,
)

Make = Callable[..., Any]
Limit = Callable[[ChunkStore, int], None]


class CountingStore(ChunkStore):
    """A real store that counts its transactions and can be held up at the first."""

    def __init__(self, path: Path) -> None:
        self.transactions = 0
        self.gate = threading.Event()
        super().__init__(path)

    def append(self, chunks) -> int:
        self.gate.wait()
        self.transactions += 1
        return super().append(chunks)


def test_queued_chunks_share_transactions(tmp_path: Path, make_chunk: Make) -> None:
    with CountingStore(tmp_path / "a.db") as store, ChunkWriter(store) as writer:
        futures = [writer.submit(make_chunk(1 + 4 * i)) for i in range(100)]
        assert not futures[0].done()
        store.gate.set()
        assert futures[-1].result(10) == 401
        assert all(future.result(10) > 4 * i for i, future in enumerate(futures))
        assert store.transactions <= 3
        assert store.counts().rows == 400


def test_one_senders_gap_spares_the_others(tmp_path: Path, make_chunk: Make) -> None:
    with CountingStore(tmp_path / "a.db") as store, ChunkWriter(store) as writer:
        good = writer.submit(make_chunk(1))
        bad = writer.submit(make_chunk(50, spool_id="other"))
        late = writer.submit(make_chunk(5))
        store.gate.set()
        assert good.result(10) == 5
        assert late.result(10) == 9
        with pytest.raises(SequenceError, match="expected 1"):
            bad.result(10)


def test_a_full_disk_refuses_and_recovers(
    tmp_path: Path, make_chunk: Make, limit_pages: Limit
) -> None:
    with ChunkStore(tmp_path / "a.db") as store, ChunkWriter(store) as writer:
        limit_pages(store, 1)  # no page beyond those it has
        with pytest.raises(StoreFullError):
            writer.submit(make_chunk(1, 256)).result(10)
        limit_pages(store, 10_000)
        assert writer.submit(make_chunk(1, 256)).result(10) == 257
        assert writer.failure is None


def test_after_a_failed_store_nothing_is_written(tmp_path: Path, make_chunk: Make) -> None:
    with ChunkStore(tmp_path / "a.db") as store, ChunkWriter(store) as writer:
        with store._lock:
            store._connection.execute("PRAGMA query_only=ON")
        with pytest.raises(StoreError, match="failed"):
            writer.submit(make_chunk(1)).result(10)
        with store._lock:
            store._connection.execute("PRAGMA query_only=OFF")
        with pytest.raises(StoreError, match="failed"):
            writer.submit(make_chunk(1)).result(10)
        assert writer.failure is not None


def test_closing_writes_what_is_queued(tmp_path: Path, make_chunk: Make) -> None:
    with ChunkStore(tmp_path / "a.db") as store:
        writer = ChunkWriter(store)
        futures = [writer.submit(make_chunk(1 + 4 * i)) for i in range(50)]
        writer.close()
        assert futures[-1].done()
        assert store.counts().rows == 200
        with pytest.raises(StoreError, match="closed"):
            writer.submit(make_chunk(201))


def test_a_locked_database_passes(tmp_path: Path, make_chunk: Make) -> None:
    with ChunkStore(tmp_path / "a.db") as store, ChunkWriter(store) as writer:
        store._connection.execute("PRAGMA busy_timeout=10")
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match="locked"):
            writer.submit(make_chunk(1)).result(10)
        other.execute("ROLLBACK")
        other.close()
        assert writer.submit(make_chunk(1)).result(10) == 5


@pytest.mark.parametrize(
    "unstorable", [{"wall_ns": 2**70}, {"purpose": "trian"}, {"robot": "\ud800"}]
)
def test_a_value_that_no_column_holds_spares_the_others(
    tmp_path: Path, make_chunk: Make, unstorable: dict[str, object]
) -> None:
    with CountingStore(tmp_path / "a.db") as store, ChunkWriter(store) as writer:
        good = [writer.submit(make_chunk(1 + 4 * i)) for i in range(100)]
        bad = writer.submit(make_chunk(1, spool_id="other", **unstorable))
        late = writer.submit(make_chunk(401))
        store.gate.set()
        assert [future.result(10) for future in (good[-1], late)] == [401, 405]
        with pytest.raises(StoreValueError, match="cannot hold"):
            bad.result(10)
        assert writer.failure is None
        assert store.transactions <= 25  # halves, not one by one


class BreakingStore(CountingStore):
    """Fails in a way that nobody foresaw."""

    error: BaseException

    def append(self, chunks) -> int:
        super().append(chunks)
        raise self.error


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("nobody foresaw"), MemoryError("nobody foresaw"), SystemExit(9)]
)
def test_no_exception_passes_in_silence(
    tmp_path: Path, make_chunk: Make, error: BaseException
) -> None:
    with BreakingStore(tmp_path / "a.db") as store, ChunkWriter(store) as writer:
        store.error = error
        told = f"{type(error).__name__}: {error}"
        waiting = [writer.submit(make_chunk(1 + 4 * i)) for i in range(600)]
        store.gate.set()
        for future in (*waiting, writer.submit(make_chunk(1))):
            with pytest.raises(StoreError, match=told):
                future.result(10)
        with pytest.raises(StoreError, match=told):
            writer.check()


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_file_that_is_not_there_any_more_acknowledges_nothing(
    tmp_path: Path, make_chunk: Make, how: str, suffix: str
) -> None:
    with ChunkStore(tmp_path / "a.db") as store, ChunkWriter(store) as writer:
        assert writer.submit(make_chunk(1)).result(10) == 5
        writer.check()
        path = tmp_path / f"a.db{suffix}"
        path.rename(tmp_path / "away")
        if how == "replaced":
            path.write_bytes((tmp_path / "away").read_bytes())
        with pytest.raises(StoreDisplacedError, match=f"a.db{suffix} was {how}"):
            writer.check()
        with pytest.raises(StoreDisplacedError, match=how):
            writer.submit(make_chunk(5)).result(10)
        with pytest.raises(StoreDisplacedError, match=how):
            store.append([make_chunk(5)])
