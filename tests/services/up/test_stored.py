"""What sessions before this one reached comes back from the database."""

from pathlib import Path

import numpy as np
import pytest

from mbctl.data.chunk import ChunkRecord, EpisodeSummary
from mbctl.data.chunk_store import ChunkStore
from mbctl.data.layout import RowLayout
from services.up.stored import PastEpisode, last_train_episodes, train_rows

LAYOUT = RowLayout(("position",), ("torque",))
COUNT = 25


def chunk(robot: str, purpose: str, index: int, sequence: int) -> ChunkRecord:
    """One episode of one row, which succeeds where its index is even and returns its index."""
    episode_id = f"{purpose[0]}{index:08d}"
    episode = EpisodeSummary(
        episode_id, robot, "t", purpose, index, 1, 1, float(index), index % 2 == 0, "complete", 1, 0
    )  # fmt: skip
    return ChunkRecord(
        spool_id="0" * 32,
        first_sequence=sequence,
        row_count=1,
        robot=robot,
        task="t",
        episode_id=episode_id,
        first_step=0,
        policy_version=1,
        calibration_version="c",
        backend="mujoco",
        purpose=purpose,
        layout_hash=LAYOUT.hash,
        boot_id="b",
        wall_ns=1,
        rows=np.ones((1, LAYOUT.width), dtype="<f4").tobytes(),
        stamps=np.zeros((1, 2), dtype="<i8").tobytes(),
        episode=episode,
    )


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "rows.db"
    chunks = [chunk("left", "train", i, 1 + i) for i in range(COUNT)]
    chunks += [chunk("left", "evaluate", 90, COUNT + 1), chunk("right", "train", 91, COUNT + 2)]
    with ChunkStore(path) as store:
        store.append(chunks)
    return path


def test_the_last_episodes_come_in_their_order(database: Path):
    found = last_train_episodes(database, "left", 3)
    assert found == [PastEpisode(i % 2 == 0, float(i)) for i in (22, 23, 24)]


def test_where_there_are_fewer_all_come(database: Path):
    assert len(last_train_episodes(database, "left", 100)) == COUNT
    assert last_train_episodes(database, "nobody", 3) == []


def test_training_rows_are_counted_where_there_is_a_database(database: Path, tmp_path: Path):
    assert train_rows(database) == COUNT + 1
    assert train_rows(tmp_path / "absent.db") == 0
