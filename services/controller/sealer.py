"""Cuts the stream of rows into chunks: at the end of an episode, a new policy, 64 rows, 0.5 s.

The newest row stays open until another row or the end of its episode arrives, so that the last
chunk of every episode can carry the episode's record.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mbctl.data.chunk import ChunkRecord, EpisodeSummary
from mbctl.episodes.seeding import EVALUATE
from services.ipc.row_message import RowMessage

ROWS_PER_CHUNK = 64
AGE_MAX_NS = 500_000_000


@dataclass(frozen=True)
class Provenance:
    """What all chunks of one life of the control process have in common."""

    robot: str
    task: str
    layout_hash: str
    calibration_version: str
    backend: str
    boot_id: str


class ChunkSealer:
    """Collects rows and returns chunks in order. Chunks come without spool id and sequence."""

    def __init__(self, provenance: Provenance) -> None:
        self._provenance = provenance
        self._rows: list[RowMessage] = []
        self._opened_ns = 0

    @property
    def open_rows(self) -> int:
        return len(self._rows)

    @property
    def open_episode(self) -> str:
        """The episode of the open rows; empty when none is open."""
        return self._rows[-1].episode_id if self._rows else ""

    def add(self, row: RowMessage, now_ns: int) -> list[ChunkRecord]:
        """Take one row; returns the chunks that this closes."""
        sealed = []
        if self._rows and not self._continues(row):
            sealed.append(self._seal(self._rows))
            self._rows = []
        if not self._rows:
            self._opened_ns = now_ns
        self._rows.append(row)
        return sealed

    def seal_aged(self, now_ns: int) -> list[ChunkRecord]:
        """All but the newest row, once the oldest has waited AGE_MAX_NS."""
        if len(self._rows) < 2 or now_ns - self._opened_ns < AGE_MAX_NS:
            return []
        closed, self._rows = self._rows[:-1], self._rows[-1:]
        self._opened_ns = now_ns
        return [self._seal(closed)]

    def finish(self, episode: EpisodeSummary | None) -> list[ChunkRecord]:
        """Everything that is open; with `episode`, as the end of that episode."""
        if not self._rows:
            return []
        closed, self._rows = self._rows, []
        return [replace(self._seal(closed), episode=episode)]

    def _continues(self, row: RowMessage) -> bool:
        last = self._rows[-1]
        return (
            row.episode_id == last.episode_id
            and row.policy_version == last.policy_version
            and row.step == last.step + 1
            and len(self._rows) < ROWS_PER_CHUNK
        )

    def _seal(self, rows: Sequence[RowMessage]) -> ChunkRecord:
        first = rows[0]
        stamps = np.array([(r.observation_ns, r.command_ns) for r in rows], dtype="<i8")
        return ChunkRecord(
            spool_id="",
            first_sequence=0,
            row_count=len(rows),
            robot=self._provenance.robot,
            task=self._provenance.task,
            episode_id=first.episode_id,
            first_step=first.step,
            policy_version=first.policy_version,
            calibration_version=self._provenance.calibration_version,
            backend=self._provenance.backend,
            purpose="evaluate" if first.purpose == EVALUATE else "train",
            layout_hash=self._provenance.layout_hash,
            boot_id=self._provenance.boot_id,
            wall_ns=first.wall_ns,
            rows=b"".join(r.row for r in rows),
            stamps=stamps.tobytes(),
        )
