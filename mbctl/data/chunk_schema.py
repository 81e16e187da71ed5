"""Tables of chunks and episodes, and the way between their records and their table rows.

Columns are the records' fields. A new one is a new version of the schema: see `upgrade`.
"""

import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, get_type_hints

from mbctl.data.chunk import EPISODE_FIELDS, HEADER_FIELDS, ChunkRecord, EpisodeSummary
from mbctl.data.episode_id import index_of
from mbctl.data.sqlite import StoreCorruptError

_TYPES: dict[Any, str] = {int: "INTEGER NOT NULL", bool: "INTEGER NOT NULL", float: "REAL"}
_EPISODE_COLUMNS = ["episode_index" if name == "index" else name for name in EPISODE_FIELDS]


def _typed(record: type, names: Sequence[str], columns: Sequence[str]) -> str:
    """Definitions of `columns`, one for each of the record's fields `names`."""
    hints = get_type_hints(record)
    types = [_TYPES.get(hints[name], "TEXT NOT NULL") for name in names]
    return ",\n".join(f"  {column} {kind}" for column, kind in zip(columns, types, strict=True))


TABLES = f"""
CREATE TABLE IF NOT EXISTS spools (
  spool_key INTEGER PRIMARY KEY,
  spool_id TEXT NOT NULL UNIQUE,
  next_sequence INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS chunks (
  chunk_id INTEGER PRIMARY KEY AUTOINCREMENT,
  spool_key INTEGER NOT NULL REFERENCES spools,
{_typed(ChunkRecord, HEADER_FIELDS, HEADER_FIELDS)},
  valid_count INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  rows BLOB NOT NULL,
  stamps BLOB NOT NULL,
  CHECK (purpose IN ('train', 'evaluate')),
  UNIQUE (spool_key, first_sequence)
) STRICT;
CREATE TABLE IF NOT EXISTS episodes (
  chunk_id INTEGER PRIMARY KEY,
{_typed(EpisodeSummary, EPISODE_FIELDS, _EPISODE_COLUMNS)}
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
_HEADER = ", ".join(HEADER_FIELDS)
CHUNK_INSERT = (
    f"INSERT INTO chunks (spool_key, {_HEADER}, valid_count, checksum, rows, stamps) "
    f"VALUES ({', '.join('?' * (len(HEADER_FIELDS) + 5))})"
)
EPISODE = ", ".join(_EPISODE_COLUMNS)
EPISODE_INSERT = (
    f"INSERT INTO episodes (chunk_id, {EPISODE}) "
    f"VALUES ({', '.join('?' * (len(EPISODE_FIELDS) + 1))})"
)
CHUNK_SELECT = (
    f"SELECT spool_id, {', '.join('chunks.' + name for name in HEADER_FIELDS)}, "
    f"rows, stamps, chunk_id, checksum, "
    f"{', '.join('episodes.' + name for name in _EPISODE_COLUMNS)} "
    "FROM chunks JOIN spools USING (spool_key) LEFT JOIN episodes USING (chunk_id) "
)
_CHUNK_FIELDS = len(HEADER_FIELDS) + 3  # spool_id, rows and stamps besides
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
    header = [getattr(chunk, name) for name in HEADER_FIELDS]
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
    values = dict(zip(EPISODE_FIELDS, row, strict=True))
    if values["episode_return"] is None:  # SQLite stores NaN as NULL
        values["episode_return"] = float("nan")
    return EpisodeSummary(**{**values, "success": bool(values["success"])})
