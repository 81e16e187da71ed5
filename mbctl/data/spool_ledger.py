"""What happens to a spool's rows where the trainer's rows are not a continuation of the same past.

Nothing is deleted here. Rows go on under a new spool id, which names its parent; episodes whose
index another episode has taken get an id of their own.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from mbctl.data import chunk_schema as schema
from mbctl.data.chunk import NAMED_INDEX_MAX
from mbctl.data.chunk_store import ChunkStore
from mbctl.data.episode_id import index_of, reissued_id


@dataclass(frozen=True, slots=True)
class Parent:
    """Which spool a spool continues.

    Attributes:
        parent_id: the parent's spool id; authorises, so never for messages.
        sequence: of the parent's first row that is not the parent's any more.
        rows_before: rows written under all ids before this one.
        reason: why, in words.
    """

    parent_id: str
    sequence: int
    rows_before: int
    reason: str


class SpoolLedger:
    """Over an open store whose chunks are one controller's own."""

    def __init__(self, store: ChunkStore) -> None:
        self._store = store

    def parent(self, spool_id: str) -> Parent | None:
        """What the spool continues; None for one that began by itself."""
        query = (
            "SELECT parent_id, parent_sequence, rows_before, reason "
            "FROM parents JOIN spools USING (spool_key) WHERE spool_id = ?"
        )
        rows = self._store.select(query, (spool_id,))
        return Parent(*rows[0]) if rows else None

    def boundaries(self, spool_id: str) -> list[int]:
        """Numbers of the rows that follow each chunk held, ascending."""
        query = (
            "SELECT first_sequence + row_count FROM chunks JOIN spools USING (spool_key) "
            "WHERE spool_id = ? ORDER BY first_sequence"
        )
        return [row[0] for row in self._store.select(query, (spool_id,))]

    def continue_from(self, spool_id: str, sequence: int, reason: str) -> str:
        """Give the chunks from row `sequence` on a new spool id, numbered from 1.

        Args:
            sequence: where a chunk begins, or the number of the row to come.

        Returns:
            The new id, which is the store's own from now on.
        """
        parent = self.parent(spool_id)
        rows_before = sequence - 1 + (parent.rows_before if parent else 0)
        new_id = secrets.token_hex(16)
        find = "SELECT spool_key, next_sequence FROM spools WHERE spool_id = ?"
        move = (
            "UPDATE chunks SET spool_key = ?, first_sequence = first_sequence - ? "
            "WHERE spool_key = ? AND first_sequence >= ?"
        )
        with self._store.transaction() as connection:
            key, following = connection.execute(find, (spool_id,)).fetchone()
            insert = "INSERT INTO spools (spool_id, next_sequence) VALUES (?, ?)"
            added = connection.execute(insert, (new_id, following - sequence + 1))
            connection.execute(move, (added.lastrowid, sequence - 1, key, sequence))
            values = (added.lastrowid, spool_id, sequence, rows_before, reason)
            connection.execute("INSERT INTO parents VALUES (?, ?, ?, ?, ?)", values)
        return new_id

    def make_distinct(
        self, spool_id: str, sequence: int, robot: str, next_indices: Mapping[str, int]
    ) -> dict[str, str]:
        """Keep the robot's episodes apart from those that others stored under its name.

        Episodes that begin at row `sequence` or later with an index below their purpose's in
        `next_indices` get an id of their own; later ones go on behind these indices, except where
        they are above NAMED_INDEX_MAX: nobody may use up what is left of them.

        Returns:
            New ids by old ones.
        """
        query = (
            "SELECT chunk_id, first_sequence, first_step, episode_id, purpose "
            "FROM chunks JOIN spools USING (spool_key) "
            "WHERE spool_id = ? AND first_sequence >= ? AND robot = ? ORDER BY first_sequence"
        )
        ids: dict[str, str] = {}
        with self._store.transaction() as connection:
            held = connection.execute(query, (spool_id, sequence, robot)).fetchall()
            for chunk_id, first, step, identity, purpose in held:
                index = index_of(identity)
                if step == 0 and index is not None and index < next_indices.get(purpose, 0):
                    ids[identity] = reissued_id(identity, spool_id, first)
                if identity in ids:
                    values = (ids[identity], chunk_id)
                    for table in ("chunks", "episodes"):
                        update = f"UPDATE {table} SET episode_id = ? WHERE chunk_id = ?"
                        connection.execute(update, values)
            for purpose, index in next_indices.items():
                # Nothing is written where nothing changes: the disk may be full.
                if self._store.next_index(robot, purpose) < index <= NAMED_INDEX_MAX:
                    connection.execute(schema.INDEX_ADVANCE, (robot, purpose, index))
        return ids

    def note_request(self, request_id: str, purpose: str, first_index: int) -> None:
        """Keep which request the episodes from this one on come from."""
        insert = "INSERT OR IGNORE INTO requests VALUES (?, ?, ?)"
        with self._store.transaction() as connection:
            connection.execute(insert, (request_id, purpose, first_index))

    def request(self, request_id: str) -> tuple[str, int] | None:
        """Purpose and index of the first episode that came from it; None where none did."""
        query = "SELECT purpose, first_index FROM requests WHERE request_id = ?"
        rows = self._store.select(query, (request_id,))
        return rows[0] if rows else None
