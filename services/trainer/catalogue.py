"""Versions and refits in the trainer's database, beside the chunks they were learned from."""

import json
from dataclasses import dataclass

from mbctl.data.chunk_store import ChunkStore

TABLES = """
CREATE TABLE IF NOT EXISTS versions (
  version INTEGER PRIMARY KEY,
  created_ns INTEGER NOT NULL,
  algorithm TEXT NOT NULL,
  task TEXT NOT NULL,
  robot_model TEXT NOT NULL,
  parent_version INTEGER NOT NULL,
  train_rows INTEGER NOT NULL,
  manifest_sha256 TEXT NOT NULL,
  metrics TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS refits (
  refit INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  train_rows INTEGER NOT NULL,
  rows_sha256 TEXT NOT NULL,
  wall_ns INTEGER NOT NULL,
  metrics TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS promotion (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  version INTEGER NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """A published policy version; see the manifest for its meaning."""

    version: int
    created_ns: int
    algorithm: str
    task: str
    robot_model: str
    parent_version: int
    train_rows: int
    manifest_sha256: str
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class RefitEntry:
    """A finished refit.

    Attributes:
        refit: from 1.
        rows_sha256: over the training rows it used, in order.
        wall_ns: when it was recorded, ns since 1970.
    """

    refit: int
    version: int
    train_rows: int
    rows_sha256: str
    wall_ns: int
    metrics: dict[str, float]


class Catalogue:
    """Reads and writes; each write is durable on return. For any thread but the event loop's."""

    def __init__(self, store: ChunkStore) -> None:
        self._store = store
        with store.transaction() as connection:
            for statement in TABLES.split(";"):
                connection.execute(statement)

    def record(self, version: VersionEntry, refit: RefitEntry | None, promoted: int) -> None:
        """Note a version, the refit that made it, and which version is promoted now."""
        with self._store.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                _values(version),
            )
            if refit is not None:
                connection.execute(
                    "INSERT OR IGNORE INTO refits VALUES (?, ?, ?, ?, ?, ?)", _values(refit)
                )
            connection.execute("INSERT OR REPLACE INTO promotion VALUES (1, ?)", (promoted,))

    def promote(self, version: int) -> None:
        """Note which version is promoted now."""
        with self._store.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO promotion VALUES (1, ?)", (version,))

    def load(self) -> tuple[list[VersionEntry], list[RefitEntry], int]:
        """All versions and refits in ascending order, and the promoted version (0 for none)."""
        with self._store.transaction() as connection:
            versions = connection.execute("SELECT * FROM versions ORDER BY version").fetchall()
            refits = connection.execute("SELECT * FROM refits ORDER BY refit").fetchall()
            promoted = connection.execute("SELECT version FROM promotion").fetchone()
        return (
            [VersionEntry(*row[:-1], metrics=json.loads(row[-1])) for row in versions],
            [RefitEntry(*row[:-1], metrics=json.loads(row[-1])) for row in refits],
            promoted[0] if promoted else 0,
        )


def _values(entry: VersionEntry | RefitEntry) -> tuple[object, ...]:
    values = [getattr(entry, name) for name in entry.__slots__]
    return (*values[:-1], json.dumps(values[-1], sort_keys=True))
