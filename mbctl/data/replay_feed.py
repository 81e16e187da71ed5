"""Fills a replay from the database, so that it holds exactly the rows that somebody names."""

import hashlib

import numpy as np

from mbctl.data.chunk import ChunkRecord
from mbctl.data.chunk_store import ChunkStore
from mbctl.data.replay import Replay
from mbctl.data.sqlite import StoreError


class MissingRowsError(StoreError):
    """The database holds fewer training rows than were asked for."""

    reason = "ROWS_MISSING"


class ReplayFeed:
    """Takes the valid rows of training episodes in the order in which they were stored.

    Args:
        store: may be open for reading only, beside a process that writes.
        replay: an empty one; only this feed appends to it.
    """

    def __init__(self, store: ChunkStore, replay: Replay) -> None:
        self._store = store
        self._replay = replay
        self._digest = hashlib.sha256()
        self._chunk_id = 0  # the last chunk taken in whole
        self._taken = 0  # valid rows taken of the chunk that follows

    @property
    def rows_sha256(self) -> str:
        """SHA-256 over the bytes of all rows taken so far, in order."""
        return self._digest.hexdigest()

    def advance_to(self, rows: int) -> None:
        """Append until the replay has been given the first `rows` training rows.

        Raises:
            MissingRowsError: there are not as many, or more have been taken already.
        """
        if self._replay.total > rows:
            raise MissingRowsError(f"the replay took {self._replay.total} rows, asked for {rows}")
        while self._replay.total < rows:
            chunks = self._store.chunks_after(self._chunk_id)
            if not chunks:
                raise MissingRowsError(
                    f"database {self._store.path} holds {self._replay.total} training rows, "
                    f"{rows} are asked for: it is not the one that this learner worked with"
                )
            for chunk_id, chunk in chunks:
                if self._replay.total < rows:
                    self._take(chunk_id, chunk, rows - self._replay.total)

    def _take(self, chunk_id: int, chunk: ChunkRecord, room: int) -> None:
        index = np.flatnonzero(chunk.valid_mask)[self._taken :]
        taken = index[:room]
        rows = chunk.matrix[taken]
        self._replay.append(rows, chunk.first_step + taken)
        self._digest.update(rows.tobytes())
        if len(taken) < len(index):
            self._taken += len(taken)
        else:
            self._chunk_id, self._taken = chunk_id, 0
