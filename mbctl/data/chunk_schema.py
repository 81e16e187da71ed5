"""Tables of chunks and episodes, and the way between their records and their table rows."""

import sqlite3
import zlib
from dataclasses import astuple, fields
from typing import Any

from mbctl.data.chunk import ChunkRecord, EpisodeSummary
from mbctl.data.episode_id import index_of
from mbctl.data.sqlite import StoreCorruptError

TABLES = """
CREATE TABLE IF NOT EXISTS spools (
  spool_key INTEGER PRIMARY KEY,
  spool_id TEXT NOT NULL UNIQUE,
  next_sequence INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS chunks (
  chunk_id INTEGER PRIMARY KEY AUTOINCREMENT,
  spool_key INTEGER NOT NULL REFERENCES spools,
  first_sequence INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  robot TEXT NOT NULL,
  task TEXT NOT NULL,
  episode_id TEXT NOT NULL,
  first_step INTEGER NOT NULL,
  policy_version INTEGER NOT NULL,
  calibration_version TEXT NOT NULL,
  backend TEXT NOT NULL,
  purpose TEXT NOT NULL CHECK (purpose IN ('train', 'evaluate')),
  layout_hash TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  wall_ns INTEGER NOT NULL,
  valid_count INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  rows BLOB NOT NULL,
  stamps BLOB NOT NULL,
  UNIQUE (spool_key, first_sequence)
) STRICT;
CREATE TABLE IF NOT EXISTS episodes (
  chunk_id INTEGER PRIMARY KEY,
  episode_id TEXT NOT NULL,
  robot TEXT NOT NULL,
  task TEXT NOT NULL,
  purpose TEXT NOT NULL,
  episode_index INTEGER NOT NULL,
  policy_version INTEGER NOT NULL,
  steps INTEGER NOT NULL,
  episode_return REAL,
  success INTEGER NOT NULL,
  end_reason TEXT NOT NULL,
  start_wall_ns INTEGER NOT NULL,
  clipped_steps INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS episode_indices (
  robot TEXT NOT NULL,
  purpose TEXT NOT NULL,
  next_index INTEGER NOT NULL,
  PRIMARY KEY (robot, purpose)
) STRICT;
CREATE TABLE IF NOT EXISTS acknowledged (
  spool_key INTEGER PRIMARY KEY REFERENCES spools,
  next_sequence INTEGER NOT NULL,
  digest BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS parents (
  spool_key INTEGER PRIMARY KEY REFERENCES spools,
  parent_id TEXT NOT NULL,
  parent_sequence INTEGER NOT NULL,
  rows_before INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS requests (
  request_id TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  first_index INTEGER NOT NULL
) STRICT
"""

# A spool remembers what stood at its oldest row when rows left it, which spool it continues, and
# which requests its episodes come from.
INDEX_ADVANCE = (
    "INSERT INTO episode_indices VALUES (?, ?, ?) ON CONFLICT (robot, purpose) "
    "DO UPDATE SET next_index = max(next_index, excluded.next_index)"
)
ACKNOWLEDGE = "INSERT OR REPLACE INTO acknowledged VALUES (?, ?, ?)"
HEADER = (
    "first_sequence, row_count, robot, task, episode_id, first_step, policy_version, "
    "calibration_version, backend, purpose, layout_hash, boot_id, wall_ns"
)
CHUNK_INSERT = (
    f"INSERT INTO chunks (spool_key, {HEADER}, valid_count, checksum, rows, stamps) "
    f"VALUES ({', '.join('?' * 18)})"
)
EPISODE = (
    "episode_id, robot, task, purpose, episode_index, policy_version, steps, episode_return, "
    "success, end_reason, start_wall_ns, clipped_steps"
)
EPISODE_INSERT = f"INSERT INTO episodes (chunk_id, {EPISODE}) VALUES ({', '.join('?' * 13)})"
CHUNK_SELECT = (
    f"SELECT spool_id, {', '.join('chunks.' + name.strip() for name in HEADER.split(','))}, "
    f"rows, stamps, chunk_id, checksum, "
    f"{', '.join('episodes.' + name.strip() for name in EPISODE.split(','))} "
    "FROM chunks JOIN spools USING (spool_key) LEFT JOIN episodes USING (chunk_id) "
)
_CHUNK_FIELDS = len(fields(ChunkRecord)) - 1  # all but the episode
CHUNK_ID_COLUMN = _CHUNK_FIELDS  # of CHUNK_SELECT


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Bring tables of schema `version` to the present one, in the caller's transaction."""
    if version < 2:  # until then nobody kept which indices were taken
        named = "SELECT robot, purpose, episode_id FROM"
        query = f"{named} chunks UNION {named} episodes"  # these stay when their chunks leave
        for robot, purpose, identity in connection.execute(query).fetchall():
            index = index_of(identity)
            if index is not None:
                connection.execute(INDEX_ADVANCE, (robot, purpose, index + 1))


def checksum_of(rows: bytes, stamps: bytes) -> int:
    """CRC-32 of the payload; SQLite itself would not notice a flipped bit in a blob."""
    return zlib.crc32(stamps, zlib.crc32(rows))


def chunk_to_row(chunk: ChunkRecord, spool_key: int) -> tuple[Any, ...]:
    """Values for CHUNK_INSERT."""
    header = [getattr(chunk, name.strip()) for name in HEADER.split(",")]
    check = (int(chunk.valid_mask.sum()), checksum_of(chunk.rows, chunk.stamps))
    return (spool_key, *header, *check, chunk.rows, chunk.stamps)


def episode_to_row(chunk_id: int, episode: EpisodeSummary) -> tuple[Any, ...]:
    """Values for EPISODE_INSERT."""
    return (chunk_id, *astuple(episode))


def row_to_chunk(row: tuple[Any, ...]) -> ChunkRecord:
    """The record of one row of CHUNK_SELECT.

    Raises:
        StoreCorruptError: the payload is not what was written.
    """
    chunk_id, checksum, *episode = row[_CHUNK_FIELDS:]
    rows, stamps = row[_CHUNK_FIELDS - 2 : _CHUNK_FIELDS]
    if checksum_of(rows, stamps) != checksum:
        raise StoreCorruptError(f"chunk {chunk_id} fails its checksum; the database is damaged")
    summary = row_to_episode(episode) if episode[0] is not None else None
    return ChunkRecord(*row[:_CHUNK_FIELDS], episode=summary)


def row_to_episode(row: list[Any] | tuple[Any, ...]) -> EpisodeSummary:
    """The summary from the columns of EPISODE."""
    values = list(row)
    if values[7] is None:  # SQLite stores NaN as NULL
        values[7] = float("nan")
    values[8] = bool(values[8])
    return EpisodeSummary(*values)
