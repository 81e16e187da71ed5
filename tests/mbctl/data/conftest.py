"""Builders of small, valid chunks."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from mbctl.data.chunk import ChunkRecord, EpisodeSummary
from mbctl.data.chunk_store import ChunkStore
from mbctl.data.layout import RowLayout

LAYOUT = RowLayout(("a", "b"), ("u",))
SPOOL = "5" * 32


def build_chunk(first: int = 1, count: int = 4, **changes: object) -> ChunkRecord:
    matrix = np.arange(first, first + count * LAYOUT.width, dtype="<f4")
    matrix = matrix.reshape(count, LAYOUT.width)
    matrix[:, LAYOUT.valid] = 1.0
    stamps = np.arange(2 * count, dtype="<i8") + first
    chunk = ChunkRecord(
        spool_id=SPOOL,
        first_sequence=first,
        row_count=count,
        robot="dclaw0",
        task="test",
        episode_id="t00000000",
        first_step=first - 1,
        policy_version=1,
        calibration_version="c1",
        backend="mujoco",
        purpose="train",
        layout_hash=LAYOUT.hash,
        boot_id="b",
        wall_ns=7,
        rows=matrix.tobytes(),
        stamps=stamps.tobytes(),
    )
    return dataclasses.replace(chunk, **changes)


def build_episode(chunk: ChunkRecord, **changes: object) -> EpisodeSummary:
    episode = EpisodeSummary(
        episode_id=chunk.episode_id,
        robot=chunk.robot,
        task=chunk.task,
        purpose=chunk.purpose,
        index=3,
        policy_version=chunk.policy_version,
        steps=chunk.first_step + chunk.row_count,
        episode_return=-1.5,
        success=True,
        end_reason="TRUNCATED",
        start_wall_ns=7,
        clipped_steps=2,
    )
    return dataclasses.replace(episode, **changes)


def set_page_limit(store: ChunkStore, pages: int) -> None:
    with store._lock:
        store._connection.execute(f"PRAGMA max_page_count={pages}")


@pytest.fixture(scope="session")
def layout() -> RowLayout:
    return LAYOUT


@pytest.fixture(scope="session")
def make_chunk() -> Callable[..., ChunkRecord]:
    """make_chunk(first, count, **changes): rows numbered from `first`."""
    return build_chunk


@pytest.fixture(scope="session")
def make_episode() -> Callable[..., EpisodeSummary]:
    """make_episode(chunk, **changes): the episode that ends with `chunk`."""
    return build_episode


@pytest.fixture(scope="session")
def limit_pages() -> Callable[[ChunkStore, int], None]:
    """limit_pages(store, n): the database cannot grow beyond n pages, as on a full disk."""
    return set_page_limit
