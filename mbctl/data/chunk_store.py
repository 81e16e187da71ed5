"""Chunks in SQLite: the trainer's database and the controller's spool are this same class.

A chunk is known by (spool id, first sequence number). Storing one that is already there changes
nothing, so a sender may repeat whatever it has no acknowledgement for.
"""

import operator
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Self

from hal.errors import ReasonedError
from mbctl.data import chunk_schema as schema
from mbctl.data import sqlite
from mbctl.data.chunk import ChunkRecord, EpisodeSummary, Purpose, public_name
from mbctl.data.episode_id import index_of, run_index_of


class ChunkRefusedError(ReasonedError, ValueError):
    """A chunk that what is stored rules out."""


class SequenceError(ChunkRefusedError):
    """A chunk that does not continue its spool.

    Attributes:
        reason: SEQUENCE_GAP, or SEQUENCE_CONFLICT where other rows have these numbers already.
        expected: the sequence number that would continue the spool.
    """

    def __init__(self, reason: str, message: str, expected: int) -> None:
        super().__init__(message, reason=reason)
        self.expected = expected


class EpisodeRepeatedError(ChunkRefusedError):
    """The first chunk of a second episode with an index that is taken."""

    reason = "EPISODE_REPEATED"

    def __init__(self, chunk: ChunkRecord, next_index: int) -> None:
        super().__init__(
            f"chunk {chunk.first_sequence} begins episode {chunk.episode_id!r} of robot "
            f"{chunk.robot!r}, whose {chunk.purpose} episodes below {next_index} are stored",
        )


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """What a store holds now.

    Attributes:
        rows: all rows present.
        train_rows: valid rows of training episodes present.
        payload_bytes: bytes of rows and stamps present.
    """

    chunks: int = 0
    rows: int = 0
    train_rows: int = 0
    payload_bytes: int = 0

    def __add__(self, other: "StoreCounts") -> "StoreCounts":
        return StoreCounts(*map(operator.add, astuple(self), astuple(other)))

    def __sub__(self, other: "StoreCounts") -> "StoreCounts":
        return StoreCounts(*map(operator.sub, astuple(self), astuple(other)))


@dataclass(frozen=True, slots=True)
class SpoolEnd:
    """Where a spool ends.

    Attributes:
        next_sequence: number of the row to come.
        digest: of the chunk before it; None where there is none.
    """

    next_sequence: int
    digest: bytes | None


ENDS_MAX = 1024  # spools whose ends are remembered

_COUNT = (
    "SELECT count(*), coalesce(sum(row_count), 0), "
    "coalesce(sum(CASE purpose WHEN 'train' THEN valid_count ELSE 0 END), 0), "
    "coalesce(sum(length(rows) + length(stamps)), 0) FROM chunks "
)


class ChunkStore:
    """One open database; may be called from any thread, one call runs at a time.

    Args:
        path: the database file; created when absent, unless `read_only`.
        read_only: for a second process that reads along.
        quota_bytes: refuse to hold more payload than this; None is no limit.
        refuse_repeats: refuse a second episode with an index that a robot's episode has taken.

    Raises:
        StoreError: absent, foreign or corrupt file, by subclass.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        quota_bytes: int | None = None,
        refuse_repeats: bool = False,
    ) -> None:
        self.path = path
        self.quota_bytes = quota_bytes
        self._refuse_repeats = refuse_repeats
        self._lock = threading.RLock()
        self._ends: dict[str, SpoolEnd] = {}  # of chunks that can be found again
        self._connection = sqlite.connect(path, read_only=read_only)
        try:
            with sqlite.named_errors(path):
                if not read_only:
                    sqlite.create_tables(self._connection, schema.TABLES, schema.upgrade)
                self._counts = StoreCounts(*self._connection.execute(_COUNT).fetchone())
            self._file = sqlite.OpenFile(path)
        except BaseException:
            self._connection.close()
            raise

    def append(self, chunks: Sequence[ChunkRecord]) -> int:
        """Store `chunks` in one transaction; durable on return. Duplicates are dropped.

        Returns:
            How many chunks were new.

        Raises:
            ChunkRefusedError: a gap, other rows under known numbers, or a repeated episode;
                nothing was stored.
            StoreFullError: disk or quota; nothing was stored.
            StoreValueError: a column cannot hold what a chunk says; nothing was stored.
            StoreDisplacedError: the file is not where it was opened; what was stored is lost.
        """
        with self._lock:
            with self._begin() as connection:
                fresh = [chunk for chunk in chunks if self._insert(connection, chunk)]
                counts = self._counts + _counts_of(fresh)
                self._check_quota(counts)
            self._counts = counts
            self.check_file()
            self._remember_ends(fresh)
        return len(fresh)

    def wait_at_most(self, seconds: float) -> None:
        """Let calls wait so long for another program that keeps the database locked."""
        with self._lock:
            self._connection.execute(f"PRAGMA busy_timeout={round(1000 * seconds)}")

    def check_file(self) -> None:
        """Make sure that what is written can be found again.

        Raises:
            StoreDisplacedError: the file was removed or replaced while open.
        """
        self._file.check()

    def check_contents(self, is_cancelled: Callable[[], bool]) -> None:
        """Read the whole file for damage; for a thread of its own, beside every other call.

        Raises:
            StoreCorruptError: there is some.
        """
        sqlite.check_contents(self.path, is_cancelled)

    def own_spool_id(self) -> str:
        """The id under which this database, as a spool, numbers its own rows; made at first use."""
        newest = "SELECT spool_id FROM spools ORDER BY spool_key DESC"
        with self._lock, self.transaction() as connection:
            row = connection.execute(newest).fetchone()
            if row is None:
                row = (secrets.token_hex(16),)
                insert = "INSERT INTO spools (spool_id, next_sequence) VALUES (?, 1)"
                connection.execute(insert, row)
        return row[0]

    def next_sequence(self, spool_id: str) -> int:
        """The sequence number that continues the spool; 1 for an unknown one."""
        with self._lock, sqlite.named_errors(self.path):
            return self._spool(spool_id)[1]

    def known_end(self, spool_id: str) -> SpoolEnd | None:
        """Where the spool ends, if that is known without reading; never waits for the disk."""
        return self._ends.get(spool_id)

    def digest_at(self, spool_id: str, sequence: int) -> bytes | None:
        """Digest of the spool's chunk that ends before `sequence`; None where none ends there.

        A spool knows it of its oldest row too, if the chunk before it has left.

        Raises:
            StoreCorruptError: the chunk fails its checksum.
        """
        condition = "WHERE spool_id = ? AND chunks.first_sequence < ? "
        order = "ORDER BY chunks.first_sequence DESC LIMIT 1"
        rows = self.select(schema.CHUNK_SELECT + condition + order, (spool_id, sequence))
        for chunk in map(schema.row_to_chunk, rows):
            if chunk.next_sequence == sequence:
                return chunk.digest
        query = (
            "SELECT digest FROM acknowledged JOIN spools USING (spool_key) "
            "WHERE spool_id = ? AND acknowledged.next_sequence = ?"
        )
        left = self.select(query, (spool_id, sequence))
        return left[0][0] if left else None

    def next_indices(self) -> dict[tuple[str, str], int]:
        """By robot and purpose, the index behind the highest that an episode stored here has."""
        rows = self.select("SELECT robot, purpose, next_index FROM episode_indices", ())
        return {(robot, purpose): index for robot, purpose, index in rows}

    def next_index(self, robot: str, purpose: str) -> int:
        """The first index that no episode stored here has, nor one above it."""
        query = "SELECT next_index FROM episode_indices WHERE robot = ? AND purpose = ?"
        rows = self.select(query, (robot, purpose))
        return rows[0][0] if rows else 0

    def chunks_from(self, spool_id: str, sequence: int, limit: int = 64) -> list[ChunkRecord]:
        """Up to `limit` chunks of the spool that hold rows numbered `sequence` or more, in order.

        Raises:
            StoreCorruptError: a chunk fails its checksum.
        """
        condition = "WHERE spool_id = ? AND first_sequence + row_count > ? "
        order = "ORDER BY first_sequence LIMIT ?"
        rows = self.select(schema.CHUNK_SELECT + condition + order, (spool_id, sequence, limit))
        return [schema.row_to_chunk(row) for row in rows]

    def chunks_after(
        self, chunk_id: int, limit: int = 256, *, train_only: bool = True
    ) -> list[tuple[int, ChunkRecord]]:
        """Up to `limit` chunks of all spools in the order they were stored, with their chunk ids.

        Raises:
            StoreCorruptError: a chunk fails its checksum.
        """
        condition = "WHERE chunk_id > ? " + ("AND chunks.purpose = 'train' " * train_only)
        query = schema.CHUNK_SELECT + condition + "ORDER BY chunk_id LIMIT ?"
        rows = self.select(query, (chunk_id, limit))
        return [(row[schema.CHUNK_ID_COLUMN], schema.row_to_chunk(row)) for row in rows]

    def delete_below(self, spool_id: str, sequence: int, digest: bytes = b"") -> int:
        """Forget chunks whose rows are all numbered below `sequence`; their episodes are kept.

        Nothing is written where nothing changes: the disk may be full.

        Args:
            digest: remembered as that of the chunk before `sequence`; empty where there is none.

        Returns:
            How many chunks were removed.
        """
        condition = "WHERE spool_key = ? AND first_sequence + row_count <= ?"
        with self._lock:
            with self.transaction() as connection:
                values = (self._spool(spool_id)[0], sequence)
                removed = StoreCounts(*connection.execute(_COUNT + condition, values).fetchone())
                if removed.chunks:
                    connection.execute("DELETE FROM chunks " + condition, values)
                if digest and digest != self.digest_at(spool_id, sequence):
                    connection.execute(schema.ACKNOWLEDGE, (*values, digest))
            self._counts -= removed
        return removed.chunks

    def episodes(
        self, before: int | None = None, limit: int = 1000, purpose: Purpose | None = None
    ) -> list[tuple[int, EpisodeSummary]]:
        """The newest `limit` episodes, newest first, with their entry numbers.

        `before` goes on below that entry number; with a `purpose` only its episodes count.
        """
        query = (
            f"SELECT chunk_id, {schema.EPISODE} FROM episodes "
            "WHERE chunk_id < ? AND ? IN ('', purpose) ORDER BY chunk_id DESC LIMIT ?"
        )
        newest = before if before is not None else (1 << 63) - 1
        rows = self.select(query, (newest, purpose or "", limit))
        return [(row[0], schema.row_to_episode(row[1:])) for row in rows]

    def counts(self) -> StoreCounts:
        """What this store holds; kept current by its own writes only."""
        return self._counts

    def select(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """All rows that a query finds."""
        with self._lock, sqlite.named_errors(self.path):
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection inside one durable transaction, for tables that share the file.

        Raises:
            StoreError: by subclass; nothing was changed.
        """
        with self._begin() as connection:
            self._ends.clear()  # whatever is changed here, chunks included
            yield connection

    def close(self) -> None:
        """Close the file; further calls fail."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _begin(self) -> Iterator[sqlite3.Connection]:
        with self._lock, sqlite.named_errors(self.path), sqlite.transaction(self._connection):
            yield self._connection

    def _remember_ends(self, fresh: Sequence[ChunkRecord]) -> None:
        last = {chunk.spool_id: chunk for chunk in fresh}
        if len(self._ends) + len(last) > ENDS_MAX:
            self._ends.clear()
        for spool_id, chunk in last.items():
            self._ends[spool_id] = SpoolEnd(chunk.next_sequence, chunk.digest)

    def _insert(self, connection: sqlite3.Connection, chunk: ChunkRecord) -> bool:
        key, expected = self._spool(chunk.spool_id)
        if chunk.first_sequence > expected:
            message = f"chunk starts at row {chunk.first_sequence}, expected {expected}"
            raise SequenceError("SEQUENCE_GAP", message, expected)
        if chunk.first_sequence < expected:
            self._check_duplicate(key, chunk, expected)
            return False
        self._take_index(connection, chunk)
        if key is None:
            statement = "INSERT INTO spools (spool_id, next_sequence) VALUES (?, 1)"
            key = connection.execute(statement, (chunk.spool_id,)).lastrowid or 0
        row = schema.chunk_to_row(chunk, key)
        chunk_id = connection.execute(schema.CHUNK_INSERT, row).lastrowid or 0
        if chunk.episode is not None:
            values = schema.episode_to_row(chunk_id, chunk.episode)
            connection.execute(schema.EPISODE_INSERT, values)
        advance = "UPDATE spools SET next_sequence = ? WHERE spool_key = ?"
        connection.execute(advance, (chunk.next_sequence, key))
        return True

    def _take_index(self, connection: sqlite3.Connection, chunk: ChunkRecord) -> None:
        index = run_index_of(chunk.episode_id)
        if index is None:
            return
        next_index = self.next_index(chunk.robot, chunk.purpose)
        if index >= next_index:
            values = (chunk.robot, chunk.purpose, index + 1)
            connection.execute(schema.INDEX_ADVANCE, values)
        elif self._refuse_repeats and chunk.first_step == 0 and index == index_of(chunk.episode_id):
            raise EpisodeRepeatedError(chunk, next_index)

    def _check_duplicate(self, key: int | None, chunk: ChunkRecord, expected: int) -> None:
        query = "SELECT row_count, checksum FROM chunks WHERE spool_key = ? AND first_sequence = ?"
        known = self._connection.execute(query, (key, chunk.first_sequence)).fetchone()
        mine = (chunk.row_count, schema.checksum_of(chunk.rows, chunk.stamps))
        deleted = known is None and chunk.next_sequence <= self._least_sequence(key, expected)
        if known != mine and not deleted:
            message = (
                f"rows {chunk.first_sequence} to {chunk.next_sequence - 1} of spool "
                f"{public_name(chunk.spool_id)} are stored already with other contents"
            )
            raise SequenceError("SEQUENCE_CONFLICT", message, expected)

    def _least_sequence(self, key: int | None, expected: int) -> int:
        query = "SELECT min(first_sequence) FROM chunks WHERE spool_key = ?"
        (least,) = self._connection.execute(query, (key,)).fetchone()
        return expected if least is None else int(least)

    def _spool(self, spool_id: str) -> tuple[int | None, int]:
        query = "SELECT spool_key, next_sequence FROM spools WHERE spool_id = ?"
        return self._connection.execute(query, (spool_id,)).fetchone() or (None, 1)

    def _check_quota(self, counts: StoreCounts) -> None:
        if self.quota_bytes is not None and counts.payload_bytes > self.quota_bytes:
            raise sqlite.StoreFullError(
                f"database {self.path} would hold {counts.payload_bytes} bytes of rows, "
                f"its quota is {self.quota_bytes}"
            )


def _counts_of(chunks: Sequence[ChunkRecord]) -> StoreCounts:
    train = [chunk for chunk in chunks if chunk.purpose == "train"]
    return StoreCounts(
        chunks=len(chunks),
        rows=sum(chunk.row_count for chunk in chunks),
        train_rows=sum(int(chunk.valid_mask.sum()) for chunk in train),
        payload_bytes=sum(chunk.payload_bytes for chunk in chunks),
    )
