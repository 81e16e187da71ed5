"""The store keeps exactly what it acknowledged, whatever is sent, resent or cut off."""

import dataclasses
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mbctl.data.chunk import ChunkError
from mbctl.data.chunk_store import (
    ENDS_MAX,
    ChunkStore,
    EpisodeRepeatedError,
    SequenceError,
    SpoolEnd,
)
from mbctl.data.layout import RowLayout
from mbctl.data.sqlite import (
    StoreAbsentError,
    StoreCorruptError,
    StoreDisplacedError,
    StoreForeignError,
    StoreFullError,
)

SPOOL = "5" * 32
Make = Callable[..., Any]
Limit = Callable[[ChunkStore, int], None]


def test_chunks_come_back_as_they_were(
    tmp_path: Path, make_chunk: Make, make_episode: Make
) -> None:
    chunk = make_chunk(1)
    last = make_chunk(5)
    last = dataclasses.replace(last, episode=make_episode(last))
    with ChunkStore(tmp_path / "a.db") as store:
        assert store.append([chunk, last]) == 2
    with ChunkStore(tmp_path / "a.db") as store:
        assert store.chunks_from(SPOOL, 1) == [chunk, last]
        assert store.chunks_from(SPOOL, 5) == [last]
        assert store.next_sequence(SPOOL) == 9
        assert store.counts().rows == store.counts().train_rows == 8
        assert [episode for _, episode in store.episodes()] == [last.episode]


def test_only_valid_training_rows_count_as_training_rows(
    tmp_path: Path, make_chunk: Make, layout: RowLayout
) -> None:
    matrix = make_chunk(1).matrix.copy()
    matrix[1] = np.nan
    matrix[1, layout.valid] = 0.0
    with ChunkStore(tmp_path / "a.db") as store:
        store.append([make_chunk(1, rows=matrix.tobytes()), make_chunk(5, purpose="evaluate")])
        assert (store.counts().rows, store.counts().train_rows) == (8, 3)
        assert [chunk.first_sequence for _, chunk in store.chunks_after(0)] == [1]


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(starts=st.lists(st.integers(0, 9), max_size=30), data=st.data())
def test_any_resending_stores_each_row_once(
    tmp_path: Path, starts: list[int], data: st.DataObject, make_chunk: Make
) -> None:
    chunks = [make_chunk(1 + 4 * i) for i in range(10)]
    path = tmp_path / f"{uuid.uuid4()}.db"
    with ChunkStore(path) as store:
        for start in starts:
            burst = chunks[start : start + data.draw(st.integers(1, 4))]
            reached = store.next_sequence(SPOOL)
            if burst[0].first_sequence > reached:
                with pytest.raises(SequenceError) as caught:
                    store.append(burst)
                assert caught.value.expected == reached
            else:
                store.append(burst)
        stored = store.chunks_from(SPOOL, 1)
        assert stored == chunks[: len(stored)]
        assert store.next_sequence(SPOOL) == 1 + 4 * len(stored)


def test_a_gap_stores_nothing_of_its_transaction(tmp_path: Path, make_chunk: Make) -> None:
    with ChunkStore(tmp_path / "a.db") as store:
        with pytest.raises(SequenceError, match="expected 5"):
            store.append([make_chunk(1), make_chunk(9)])
        assert store.next_sequence(SPOOL) == 1
        assert store.counts().rows == 0


@pytest.mark.parametrize("other", [(1, 4, {"rows": b"\1" * 4 * 36}), (3, 4, {})])
def test_other_rows_under_known_numbers_are_a_conflict(
    tmp_path: Path, other: tuple[int, int, dict[str, bytes]], make_chunk: Make
) -> None:
    with ChunkStore(tmp_path / "a.db") as store:
        store.append([make_chunk(1)])
        with pytest.raises(SequenceError) as caught:
            store.append([make_chunk(*other[:2], **other[2])])
        assert caught.value.reason == "SEQUENCE_CONFLICT"


def test_a_spool_forgets_acknowledged_chunks_and_keeps_its_numbers(
    tmp_path: Path, make_chunk: Make
) -> None:
    path = tmp_path / "spool.db"
    with ChunkStore(path) as store:
        spool_id = store.own_spool_id()
        chunks = [make_chunk(1 + 4 * i, spool_id=spool_id) for i in range(3)]
        store.append(chunks)
        assert store.delete_below(spool_id, 8) == 1
        assert store.counts().rows == 8
        assert store.delete_below(spool_id, 100) == 2
        assert store.append([chunks[1]]) == 0
    with ChunkStore(path) as store:
        assert store.own_spool_id() == spool_id
        assert store.next_sequence(spool_id) == 13
        assert store.counts().chunks == 0


def test_the_quota_refuses_whole_transactions(tmp_path: Path, make_chunk: Make) -> None:
    chunk = make_chunk(1)
    with ChunkStore(tmp_path / "a.db", quota_bytes=chunk.payload_bytes) as store:
        with pytest.raises(StoreFullError, match="quota"):
            store.append([chunk, make_chunk(5)])
        assert store.counts().rows == 0
        store.append([chunk])


def test_a_full_disk_is_named_and_passes(
    tmp_path: Path, make_chunk: Make, limit_pages: Limit
) -> None:
    path = tmp_path / "a.db"
    chunks = [make_chunk(1 + 256 * i, 256) for i in range(20)]
    with ChunkStore(path) as store:
        limit_pages(store, 20)
        with pytest.raises(StoreFullError, match=r"a\.db"):
            store.append(chunks)
        assert store.next_sequence(SPOOL) == 1
        limit_pages(store, 100_000)
        assert store.append(chunks) == 20


def test_foreign_corrupt_and_absent_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("no database " * 100)
    with pytest.raises(StoreForeignError, match="not an SQLite database"):
        ChunkStore(text)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(StoreForeignError, match="another program"):
        ChunkStore(other)
    with pytest.raises(StoreAbsentError, match="does not exist"):
        ChunkStore(tmp_path / "absent.db", read_only=True)
    with pytest.raises(StoreAbsentError, match="directory"):
        ChunkStore(tmp_path / "no" / "a.db")


def test_a_flipped_bit_in_a_row_is_found(tmp_path: Path, make_chunk: Make) -> None:
    path = tmp_path / "a.db"
    with ChunkStore(path) as store:
        store.append([make_chunk(1, 256)])
    content = bytearray(path.read_bytes())
    at = content.index(make_chunk(1, 256).rows[2000:2040])
    content[at] ^= 1
    path.write_bytes(content)
    with ChunkStore(path) as store, pytest.raises(StoreCorruptError, match="chunk 1 "):
        store.chunks_from(SPOOL, 1)


def test_a_second_process_reads_along(tmp_path: Path, make_chunk: Make, layout: RowLayout) -> None:
    with ChunkStore(tmp_path / "a.db") as store:
        store.append([make_chunk(1)])
        with ChunkStore(tmp_path / "a.db", read_only=True) as reader:
            assert len(reader.chunks_after(0)) == 1
            store.append([make_chunk(5)])
            assert [number for number, _ in reader.chunks_after(1)] == [2]


BAD = {
    "spool_id": ("", "spool_id"),
    "first_sequence": (0, "first_sequence"),
    "row_count": (257, "row_count"),
    "episode_id": ("e" * 200, "episode_id"),
    "robot": ("a\nb", "robot"),
    "first_step": (-1, "first_step"),
    "stamps": (b"123", "stamps"),
    "rows": (b"1234", "144 bytes"),
    "purpose": ("play", "purpose"),
    "layout_hash": ("0" * 64, "row layout"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_chunks_are_named(name: str, make_chunk: Make, layout: RowLayout) -> None:
    value, message = BAD[name]
    with pytest.raises(ChunkError, match=message):
        make_chunk(**{name: value}).check(layout)


def test_an_episode_must_be_the_chunks_own(
    make_chunk: Make, make_episode: Make, layout: RowLayout
) -> None:
    episode = make_episode(make_chunk(), robot="other")
    with pytest.raises(ChunkError, match=r"episode\.robot is 'other'"):
        make_chunk(episode=episode).check(layout)


def test_only_invalid_rows_may_hold_nan(make_chunk: Make, layout: RowLayout) -> None:
    matrix = make_chunk(1).matrix.copy()
    matrix[2, 0] = np.nan
    with pytest.raises(ChunkError, match="step 2 ") as caught:
        make_chunk(1, rows=matrix.tobytes()).check(layout)
    assert caught.value.reason == "ROW_NOT_FINITE"
    matrix[2, layout.valid] = 0.0
    make_chunk(1, rows=matrix.tobytes()).check(layout)
    matrix[2, layout.valid] = 0.5
    with pytest.raises(ChunkError, match="0 or 1"):
        make_chunk(1, rows=matrix.tobytes()).check(layout)


def test_episodes_come_newest_first_and_page_by_page(
    tmp_path: Path, make_chunk: Make, make_episode: Make
) -> None:
    chunks = []
    for k in range(5):
        chunk = make_chunk(1 + 4 * k)
        chunks.append(dataclasses.replace(chunk, episode=make_episode(chunk)))
    with ChunkStore(tmp_path / "a.db") as store:
        assert store.append(chunks) == 5
        first = store.episodes(limit=3)
        rest = store.episodes(before=first[-1][0], limit=3)
        assert len(first) == 3
        assert len(rest) == 2
        assert [e for _, e in first + rest] == [c.episode for c in chunks[::-1]]
        assert store.episodes(purpose=chunks[0].purpose) == first + rest
        other = "train" if chunks[0].purpose == "evaluate" else "evaluate"
        assert store.episodes(purpose=other) == []


def _as_version_1(path: Path) -> None:
    """The file as a program of schema version 1 would have left it."""
    with ChunkStore(path) as store, store.transaction() as connection:
        for table in ("episode_indices", "acknowledged", "parents"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version=1")


def test_an_older_database_is_brought_up_to_date(
    tmp_path: Path, make_chunk: Make, make_episode: Make
) -> None:
    path = tmp_path / "a.db"
    left = make_chunk(1, robot="left", episode_id="t00000030")
    left = dataclasses.replace(left, episode=make_episode(left))
    with ChunkStore(path) as store:
        store.append([left, make_chunk(5, episode_id="t00000012"), make_chunk(9, episode_id="odd")])
        store.delete_below(SPOOL, 5)
    _as_version_1(path)
    with ChunkStore(path, read_only=True) as store:  # such as a learner's, before its trainer
        assert store.counts().rows == 8
    with ChunkStore(path) as store:
        assert store.next_indices() == {("dclaw0", "train"): 13, ("left", "train"): 31}
        assert store.counts().rows == 8
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        connection.execute("PRAGMA user_version=3")
    connection.close()
    with pytest.raises(StoreForeignError, match="schema version 3, this program reads 1 to 2"):
        ChunkStore(path)


def test_an_upgrade_that_is_cut_off_changes_nothing(
    tmp_path: Path, make_chunk: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"
    with ChunkStore(path) as store:
        store.append([make_chunk(1, episode_id="t00000012")])
    _as_version_1(path)
    with monkeypatch.context() as patch:
        patch.setattr("mbctl.data.chunk_schema.index_of", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ChunkStore(path)
    with ChunkStore(path) as store:
        assert store.next_index("dclaw0", "train") == 13


def test_indices_are_taken_with_the_chunk_and_never_given_back(
    tmp_path: Path, make_chunk: Make
) -> None:
    path = tmp_path / "a.db"
    with ChunkStore(path) as store:
        assert store.next_index("dclaw0", "train") == 0
        with pytest.raises(SequenceError):
            store.append([make_chunk(1), make_chunk(50, episode_id="t00000009")])
        assert store.next_index("dclaw0", "train") == 0
        store.append([make_chunk(1, episode_id="t00000009"), make_chunk(5, episode_id="t00000003")])
        store.append([make_chunk(9, robot="left"), make_chunk(13, purpose="evaluate")])
        store.delete_below(SPOOL, 100)
    with ChunkStore(path) as store:
        assert store.next_indices() == {
            ("dclaw0", "train"): 10,
            ("left", "train"): 1,
            ("dclaw0", "evaluate"): 1,
        }


def test_a_second_episode_with_a_taken_index_is_refused_where_that_is_asked(
    tmp_path: Path, make_chunk: Make
) -> None:
    with ChunkStore(tmp_path / "a.db", refuse_repeats=True) as store:
        first = make_chunk(1, episode_id="t00000009")
        store.append([first, make_chunk(5, episode_id="t00000009")])  # its second chunk
        assert store.append([first]) == 0
        for identity in ("t00000009", "t00000004"):
            with pytest.raises(EpisodeRepeatedError, match="episodes below 10 are stored"):
                store.append([make_chunk(9, episode_id=identity, first_step=0)])
        store.append([make_chunk(9, episode_id="t00000010", first_step=0)])
        store.append([make_chunk(13, episode_id="e00000004", purpose="evaluate", first_step=0)])
        store.append([make_chunk(17, episode_id="t00000004-1", first_step=0)])


def test_digests_are_of_the_chunk_that_ends_there(tmp_path: Path, make_chunk: Make) -> None:
    chunks = [make_chunk(1), make_chunk(5)]
    moved = dataclasses.replace(chunks[0], spool_id="6" * 32, first_sequence=9)
    assert moved.digest == chunks[0].digest
    assert len({chunks[0].digest, chunks[1].digest, make_chunk(1, wall_ns=8).digest}) == 3
    with ChunkStore(tmp_path / "a.db") as store:
        store.append(chunks)
        ends = [store.digest_at(SPOOL, sequence) for sequence in (1, 4, 5, 9, 10)]
        assert ends == [None, None, chunks[0].digest, chunks[1].digest, None]
        assert store.digest_at("6" * 32, 5) is None
        store.delete_below(SPOOL, 9, chunks[1].digest)
        assert store.digest_at(SPOOL, 9) == chunks[1].digest


def test_where_a_spool_ends_is_known_without_reading(tmp_path: Path, make_chunk: Make) -> None:
    """And it is what a reader finds, whatever else was written."""
    first, second = make_chunk(1), make_chunk(5)
    with ChunkStore(tmp_path / "a.db") as store:
        assert store.known_end(first.spool_id) is None
        store.append([first, make_chunk(1, spool_id="other", episode_id="odd")])
        store.append([second])
        store.append([dataclasses.replace(second, task="another")])  # a duplicate changes nothing
        end = store.known_end(first.spool_id)
        assert end == SpoolEnd(9, second.digest)
        assert end.digest == store.digest_at(first.spool_id, 9)
        assert store.known_end("other").next_sequence == 5
        with store.transaction() as connection:  # somebody may have changed the chunk
            connection.execute("UPDATE chunks SET episode_id = 't00000077'")
        assert store.known_end(first.spool_id) is None
        for i in range(ENDS_MAX + 1):
            store.append([make_chunk(1, spool_id=f"spool {i}", episode_id="odd")])
        assert len(store._ends) <= ENDS_MAX


def test_an_end_that_nobody_can_find_again_is_not_known(tmp_path: Path, make_chunk: Make) -> None:
    path = tmp_path / "a.db"
    with ChunkStore(path) as store:
        store.append([make_chunk(1)])
        path.rename(tmp_path / "away")
        with pytest.raises(StoreDisplacedError):
            store.append([make_chunk(5)])
        assert store.known_end(make_chunk(1).spool_id) == SpoolEnd(5, make_chunk(1).digest)
