"""Rows on the robot's own disk until the trainer has them: durable first, counted afterwards.

A full disk or quota is a state, not an end: what could not be written waits, new rows stay where
they are, and writing goes on as soon as there is room.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mbctl.data.chunk import ChunkRecord, EpisodeSummary
from mbctl.data.chunk_store import ChunkStore
from mbctl.data.sqlite import StoreBusyError, StoreError, StoreFullError
from services.controller.reserve import DiskReserve

WRITE_BATCH = 64  # chunks in one transaction


@dataclass(frozen=True)
class SpoolCounts:
    """What the spool holds and has held.

    Attributes:
        chunks, rows, bytes: present now.
        rows_written: rows the robot has produced since the spool was made.
        rows_acknowledged: rows that the trainer has made durable.
        trainer_connected: an uplink is open.
        error: why rows cannot be written now; empty when they can.
    """

    chunks: int
    rows: int
    bytes: int
    quota_bytes: int
    rows_written: int
    rows_acknowledged: int
    trainer_connected: bool
    error: str


class Spool:
    """Numbers chunks, stores them, and forgets them when they are acknowledged.

    When the disk is full it gives its reserve away, so that rows can leave, and writes none of its
    own into it: not before half of the rows have left, or the reserve could be allocated again.
    """

    def __init__(self, store: ChunkStore, reserve: DiskReserve | None = None) -> None:
        self._store = store
        self._reserve = reserve
        self._bytes_when_full = 0  # above 0 from a full disk until it has drained
        self._lock = threading.Lock()
        self._waiting: list[ChunkRecord] = []
        self._error = ""
        self._broken = False
        self.spool_id = store.own_spool_id()
        self._stored = store.next_sequence(self.spool_id)  # durable: all rows below this one
        self._next = self._stored
        self._listeners: list[Callable[[], None]] = []
        self.trainer_connected = False

    @property
    def error(self) -> str:
        """Why rows cannot be written now; empty when they can."""
        return self._error

    @property
    def waiting(self) -> int:
        """Chunks that are numbered and not yet durable."""
        return len(self._waiting)

    def on_stored(self, listener: Callable[[], None]) -> None:
        """Call `listener`, in the writing thread, whenever chunks have become durable."""
        self._listeners.append(listener)

    def enqueue(self, chunks: Sequence[ChunkRecord]) -> None:
        """Number chunks and let them wait for `write`; one thread does both."""
        for chunk in chunks:
            numbered = replace(chunk, spool_id=self.spool_id, first_sequence=self._next)
            self._next = numbered.next_sequence
            self._waiting.append(numbered)

    def write(self) -> bool:
        """Store what waits; True when nothing waits any more.

        False leaves the reason in `error`; call again later. After a failure other than a full disk
        only a restart, which reads the disk back, can tell what is on it.
        """
        if self._bytes_when_full and not self._has_drained():
            return False
        size = WRITE_BATCH
        while self._waiting and not self._broken:
            batch = self._waiting[:size]
            try:
                self._store.append(batch)
            except StoreFullError as error:
                self._error = str(error)
                if len(batch) == 1:
                    self._note_full(batch[0])
                    return False
                size = 1  # what is too much together may fit one by one
            except StoreBusyError as error:
                self._error = str(error)
                return False
            except StoreError as error:
                self._broken = True
                self._error = f"{error}; restart the controller after repairing the disk"
            else:
                del self._waiting[: len(batch)]
                self._count(batch)
        return not self._waiting

    def chunks_from(self, sequence: int, limit: int) -> list[ChunkRecord]:
        """Durable chunks with rows numbered `sequence` or more, in order."""
        return self._store.chunks_from(self.spool_id, sequence, limit)

    def acknowledge(self, next_sequence: int) -> None:
        """Forget rows below `next_sequence`: the trainer has them durably.

        Raises:
            StoreError: the store failed; the rows are kept, and sent again later.
        """
        self._store.delete_below(self.spool_id, min(next_sequence, self._stored))

    @property
    def next_sequence(self) -> int:
        """Number of the row that will become durable next."""
        return self._stored

    def first_sequence(self) -> int:
        """Number of the oldest row still here; `next_sequence` when there is none."""
        oldest = self.chunks_from(0, 1)
        return oldest[0].first_sequence if oldest else self._stored

    def episodes(self, before: int | None, limit: int) -> list[tuple[int, EpisodeSummary]]:
        """Episodes with rows, the newest first; they stay when their rows leave."""
        return self._store.episodes(before, limit)

    def counts(self) -> SpoolCounts:
        """The figures as of now."""
        with self._lock:
            held = self._store.counts()
            written = self._stored - 1
        return SpoolCounts(
            chunks=held.chunks,
            rows=held.rows,
            bytes=held.payload_bytes,
            quota_bytes=self._store.quota_bytes or 0,
            rows_written=written,
            rows_acknowledged=written - held.rows,
            trainer_connected=self.trainer_connected,
            error=self._error,
        )

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _note_full(self, chunk: ChunkRecord) -> None:
        held, quota = self._store.counts().payload_bytes, self._store.quota_bytes
        if quota is not None and held + chunk.payload_bytes > quota:
            return  # the disk has room: rows may leave without help
        if self._reserve is not None and self._reserve.is_held:
            self._bytes_when_full = max(1, held)
            self._reserve.release()

    def _has_drained(self) -> bool:
        is_held = self._reserve is not None and self._reserve.restore()
        if is_held or 2 * self._store.counts().payload_bytes <= self._bytes_when_full:
            self._bytes_when_full = 0
        return self._bytes_when_full == 0

    def _count(self, batch: Sequence[ChunkRecord]) -> None:
        with self._lock:
            self._stored = batch[-1].next_sequence
        self._error = ""
        for listener in self._listeners:
            listener()
