"""Rows on the robot's own disk until the trainer has them: durable first, counted afterwards.

A full disk or quota is a state, not an end: what could not be written waits, new rows stay where
they are, and writing goes on as soon as there is room.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hal.errors import ReasonedError
from mbctl.data.chunk import ChunkRecord, EpisodeSummary, Purpose, public_name
from mbctl.data.chunk_store import ChunkStore
from mbctl.data.episode_id import index_of, reissued_id, run_index_of
from mbctl.data.spool_ledger import SpoolLedger
from mbctl.data.sqlite import StoreBusyError, StoreError, StoreFullError
from services.controller.reserve import DiskReserve
from services.errors import ServiceError, refusal

WRITE_BATCH = 64  # chunks in one transaction
LOOK_S = 1.0
ATTEMPT_S = 0.2  # whoever writes has events to pass on, and tries again by itself
BUSY_S = 10.0  # rows wait so long for somebody else before no more are made


@dataclass(frozen=True)
class SpoolCounts:
    """What the spool holds and has held.

    Attributes:
        chunks, rows, bytes: present now.
        rows_written: rows the robot has produced since the spool was made, under all its ids.
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


class AcknowledgementError(ReasonedError):
    """The trainer acknowledges rows that are not those here; the rows are kept."""

    reason = "ACKNOWLEDGEMENT_MISMATCH"
    shows_reason = True


class Spool:
    """Numbers chunks, stores them, and forgets them when the trainer proves that it has them.

    When the disk is full it gives its reserve away, so that rows can leave, and writes none of its
    own into it: not before half of the rows have left, or the reserve could be allocated again.
    """

    def __init__(self, store: ChunkStore, reserve: DiskReserve | None = None) -> None:
        self._store = store
        self._reserve = reserve
        self._bytes_when_full = 0  # above 0 from a full disk until it has drained
        self._lock = threading.RLock()
        self._writing = threading.Lock()  # whoever numbers rows; numbers and id change together
        self._waiting: list[ChunkRecord] = []
        self._error = ""
        self._reason = ""  # of the refusal; empty where there is none
        self._busy_since: float | None = None
        self._broken = False
        self._look_at = 0.0
        self._ledger = SpoolLedger(store)
        self._open(store.own_spool_id())
        self._next_indices = store.next_indices()
        store.wait_at_most(ATTEMPT_S)
        self._taken: dict[tuple[str, str], int] = {}  # indices below are the trainer's episodes'
        self._reissued: dict[str, str] = {}  # episode ids by those the control process knows
        self._requested: dict[tuple[str, int], str] = {}  # request ids by their first episode
        self._listeners: list[Callable[[], None]] = []
        self.trainer_connected = False

    def _open(self, spool_id: str) -> None:
        parent = self._ledger.parent(spool_id)
        with self._lock:
            self.spool_id = spool_id
            self._stored = self._store.next_sequence(spool_id)  # durable: all rows below this one
            self._rows_before = parent.rows_before if parent else 0
        self.continuity = parent.reason if parent else ""

    @property
    def error(self) -> str:
        """Why rows cannot be written now; empty when they can."""
        return self._error

    @property
    def refusal(self) -> ServiceError | None:
        """Why no episode may run; None while rows can be stored, or have waited a moment only."""
        reason = self._reason  # an error of its own for each: who raises one adds to its traceback
        return refusal(reason, f"rows cannot be stored: {self._error}") if reason else None

    @property
    def waiting(self) -> int:
        """Chunks that are not yet durable."""
        return len(self._waiting)

    def on_stored(self, listener: Callable[[], None]) -> None:
        """Call `listener`, in the writing thread, whenever chunks have become durable."""
        self._listeners.append(listener)

    def check_contents(self, is_cancelled: Callable[[], bool]) -> None:
        """Read the whole spool for damage; for a thread of its own. Damage shows in `error`."""
        try:
            self._store.check_contents(is_cancelled)
        except StoreBusyError:  # it is being written to, or a shortage: the next start looks again
            return
        except StoreError as error:
            self._break(error, "restart the controller with a new run directory")

    def enqueue(self, chunks: Sequence[ChunkRecord]) -> None:
        """Let chunks wait for `write`, which numbers them; one thread does both."""
        for chunk in chunks:
            index = index_of(chunk.episode_id)
            if index is not None:
                self._take_index(chunk.robot, chunk.purpose, index + 1)
            self._waiting.append(chunk)

    def write(self) -> bool:
        """Store what waits; True when nothing waits any more.

        False leaves the reason in `error`; call again later. After a failure other than a full disk
        only a restart, which reads the disk back, can tell what is on it.
        """
        if not self._waiting:
            self._look_after_file()
        if self._bytes_when_full and not self._has_drained():
            return False
        size, batch = WRITE_BATCH, list[ChunkRecord]()
        while self._waiting and not self._broken:
            try:
                with self._writing:
                    batch = self._numbered(self._waiting[:size])
                    self._note_requests(batch)
                    self._store.append(batch)
                    self._count(batch)
                    self._forget_ended(self._waiting[: len(batch)])
            except StoreFullError as error:
                self._note(str(error), "SPOOL_FULL")
                if len(batch) == 1:
                    self._note_full(batch[0])
                    return False
                size = 1  # what is too much together may fit one by one
            except StoreBusyError as error:
                self._note_busy(error)
                return False
            except StoreError as error:
                self._break(error)
            else:
                del self._waiting[: len(batch)]
                for listener in self._listeners:
                    listener()
        return not self._waiting

    def chunks_from(self, sequence: int, limit: int) -> list[ChunkRecord]:
        """Durable chunks with rows numbered `sequence` or more, in order."""
        return self._store.chunks_from(self.spool_id, sequence, limit)

    def acknowledge(self, next_sequence: int, digest: bytes) -> None:
        """Forget rows below `next_sequence`: the trainer has them durably, and these very ones.

        Args:
            digest: of the trainer's chunk that ends there; see `ChunkRecord.digest`.

        Raises:
            AcknowledgementError: it is not what this spool has there; nothing is forgotten.
            StoreError: the store failed; the rows are kept, and sent again later.
        """
        if not self.agrees(next_sequence, digest):
            raise AcknowledgementError(
                f"the trainer acknowledges rows below {next_sequence} "
                f"of spool {public_name(self.spool_id)}, not as they are here; the rows are kept"
            )
        self._store.delete_below(self.spool_id, next_sequence, digest)

    def agrees(self, next_sequence: int, digest: bytes) -> bool:
        """Whether the trainer, whose rows of this spool end like this, has what was here."""
        if next_sequence == 1:
            return self.first_sequence() == 1
        own = self.digest_at(next_sequence)
        if own is None and digest:  # the rows left before spools kept what stood there
            return next_sequence == self.first_sequence()
        return own == digest

    def digest_at(self, sequence: int) -> bytes | None:
        """Digest of the chunk that ends before row `sequence`; None where none ends there."""
        return self._store.digest_at(self.spool_id, sequence)

    def boundaries(self) -> list[int]:
        """Numbers of the rows that follow each chunk held, ascending."""
        return self._ledger.boundaries(self.spool_id)

    def continue_from(self, sequence: int, reason: str) -> None:
        """Go on from row `sequence` under a new spool id; see SpoolLedger.continue_from."""
        with self._writing:
            self._open(self._ledger.continue_from(self.spool_id, sequence, reason))

    def make_distinct(self, sequence: int, robot: str, next_indices: Mapping[str, int]) -> None:
        """Go on behind the trainer's episodes; see SpoolLedger.make_distinct."""
        taken = {(robot, purpose): index for purpose, index in next_indices.items()}
        with self._writing:
            if all(index <= self._taken.get(key, -1) for key, index in taken.items()):
                return  # nothing new is taken, so there is no need to look at all that is held
            found = self._ledger.make_distinct(self.spool_id, sequence, robot, next_indices)
            self._reissued.update(found)
            self._taken.update(taken)
        for key, index in self._store.next_indices().items():
            self._take_index(*key, index)

    def expect(self, request_id: str, purpose: str, first_index: int) -> None:
        """Episodes from this one on come from that request; noted once it has left a row."""
        if request_id:
            self._requested[purpose, first_index] = request_id

    def request(self, request_id: str) -> tuple[str, int] | None:
        """See SpoolLedger.request; also of earlier lives of this controller."""
        return self._ledger.request(request_id) if request_id else None

    def next_index(self, robot: str, purpose: str) -> int:
        """The index of the robot's next episode, behind all whose rows are or were here or at
        the trainer."""
        return self._next_indices.get((robot, purpose), 0)

    @property
    def next_sequence(self) -> int:
        """Number of the row that will become durable next."""
        return self._stored

    def first_sequence(self) -> int:
        """Number of the oldest row still here; `next_sequence` when there is none."""
        oldest = self.chunks_from(0, 1)
        return oldest[0].first_sequence if oldest else self._stored

    def episodes(
        self, before: int | None, limit: int, purpose: Purpose | None = None
    ) -> list[tuple[int, EpisodeSummary]]:
        """Episodes with rows, the newest first; they stay when their rows leave."""
        return self._store.episodes(before, limit, purpose)

    def counts(self) -> SpoolCounts:
        """The figures as of now."""
        with self._lock:
            held = self._store.counts()
            written = self._rows_before + self._stored - 1
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

    def _look_after_file(self) -> None:
        """Notice while the robot rests, too, that rows could not be found again."""
        if self._broken or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_S
        try:
            self._store.check_file()
        except StoreError as error:
            self._break(error)

    def _note_busy(self, error: StoreBusyError) -> None:
        now = time.monotonic()
        self._busy_since = now if self._busy_since is None else self._busy_since
        lasts = self._reason or now - self._busy_since >= BUSY_S
        self._note(str(error), error.reason if lasts else "")

    def _break(
        self, error: StoreError, remedy: str = "restart the controller after repairing the disk"
    ) -> None:
        with self._lock:
            self._note(f"{error}; {remedy}", error.reason)
            self._broken = True

    def _note(self, error: str, reason: str = "") -> None:
        """Keep what hinders writing; with a reason no episode may run. Damage stays noted."""
        with self._lock:
            if not self._broken:
                self._error, self._reason = error, reason

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
        self._busy_since = None
        self._note("")

    def _numbered(self, chunks: Sequence[ChunkRecord]) -> list[ChunkRecord]:
        sequence, numbered = self._stored, []
        for chunk in chunks:
            known = self._known_id(chunk, sequence)
            episode = chunk.episode and replace(chunk.episode, episode_id=known)
            numbered.append(
                replace(
                    chunk,
                    spool_id=self.spool_id,
                    first_sequence=sequence,
                    episode_id=known,
                    episode=episode,
                )
            )
            sequence = numbered[-1].next_sequence
        return numbered

    def _note_requests(self, chunks: Sequence[ChunkRecord]) -> None:
        """On the disk before the first row that comes of them."""
        for chunk in chunks if self._requested else ():
            index = run_index_of(chunk.episode_id)
            if chunk.first_step > 0 or index is None:
                continue
            if (request_id := self._requested.get((chunk.purpose, index))) is not None:
                self._ledger.note_request(request_id, chunk.purpose, index)
                del self._requested[chunk.purpose, index]

    def _known_id(self, chunk: ChunkRecord, sequence: int) -> str:
        """The chunk's episode id, or another where a running batch reaches a taken index."""
        identity, index = chunk.episode_id, index_of(chunk.episode_id)
        taken = self._taken.get((chunk.robot, chunk.purpose), 0)
        if chunk.first_step == 0 and index is not None and index < taken:
            self._reissued[identity] = reissued_id(identity, self.spool_id, sequence)
        return self._reissued.get(identity, identity)

    def _forget_ended(self, stored: Sequence[ChunkRecord]) -> None:
        for chunk in stored:
            if chunk.episode is not None:
                self._reissued.pop(chunk.episode_id, None)

    def _take_index(self, robot: str, purpose: str, next_index: int) -> None:
        with self._lock:
            reached = max(self.next_index(robot, purpose), next_index)
            self._next_indices[robot, purpose] = reached
