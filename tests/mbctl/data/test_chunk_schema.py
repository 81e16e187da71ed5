"""Columns and digests made from the records' fields are those of databases that there are."""

import sqlite3

import numpy as np

from mbctl.data.chunk import ChunkRecord, EpisodeSummary
from mbctl.data.chunk_schema import TABLES

WALL_NS = 1_700_000_000_000_000_000
EPISODE = EpisodeSummary(
    episode_id="t00000003",
    robot="claw",
    task="dclaw-turn-random",
    purpose="train",
    index=3,
    policy_version=17,
    steps=42,
    episode_return=-1.5,
    success=True,
    end_reason="TRUNCATED",
    start_wall_ns=WALL_NS,
    clipped_steps=2,
)
CHUNK = ChunkRecord(
    spool_id="ab" * 16,
    first_sequence=9,
    row_count=2,
    robot="claw",
    task="dclaw-turn-random",
    episode_id="t00000003",
    first_step=40,
    policy_version=17,
    calibration_version="cal-1",
    backend="mujoco",
    purpose="train",
    layout_hash="0" * 64,
    boot_id="boot",
    wall_ns=WALL_NS,
    rows=np.arange(6, dtype="<f4").tobytes(),
    stamps=np.arange(4, dtype="<i8").tobytes(),
    episode=EPISODE,
)


def columns(table: str) -> str:
    """Names of a table's columns; with ? where there may be nothing, with the type if not text."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(TABLES)
    found = connection.execute(f"PRAGMA table_info({table})").fetchall()
    connection.close()
    said = [f"{name}{'' if full or key else '?'}:{kind}" for _, name, kind, full, _, key in found]
    return " ".join(said).replace(":TEXT", "").replace(":INTEGER", ":I")


def test_chunks_have_the_columns_of_version_2():
    assert columns("chunks") == (
        "chunk_id:I spool_key:I first_sequence:I row_count:I robot task episode_id first_step:I "
        "policy_version:I calibration_version backend purpose layout_hash boot_id wall_ns:I "
        "valid_count:I checksum:I rows:BLOB stamps:BLOB"
    )


def test_episodes_have_the_columns_of_version_2():
    assert columns("episodes") == (
        "chunk_id:I episode_id robot task purpose episode_index:I policy_version:I steps:I "
        "episode_return?:REAL success:I end_reason start_wall_ns:I clipped_steps:I"
    )


def test_a_digest_is_what_it_was():
    """Controller and trainer compare it, and either may be older."""
    assert CHUNK.digest.hex().startswith("8911899a9ff0d07da8682b8e20cb0de6")
