"""Sequences go on behind every episode of which a chunk is stored."""

from pathlib import Path

import numpy as np
import pytest

from mbctl.data.chunk import ChunkRecord, Purpose
from mbctl.data.chunk_store import ChunkStore
from mbctl.data.layout import RowLayout
from mbctl.data.sqlite import StoreAbsentError
from services.up.indices import next_index

LAYOUT = RowLayout(("position",), ("torque",))


def chunk(robot: str, purpose: Purpose, index: int, sequence: int) -> ChunkRecord:
    rows = np.ones((2, LAYOUT.width), dtype="<f4")
    return ChunkRecord(
        spool_id="0" * 32,
        first_sequence=sequence,
        row_count=2,
        robot=robot,
        task="t",
        episode_id=f"{purpose[0]}{index:08d}",
        first_step=0,
        policy_version=1,
        calibration_version="c",
        backend="mujoco",
        purpose=purpose,
        layout_hash=LAYOUT.hash,
        boot_id="b",
        wall_ns=1,
        rows=rows.tobytes(),
        stamps=np.zeros((2, 2), dtype="<i8").tobytes(),
    )


def test_each_purpose_and_robot_has_its_own_sequence(tmp_path: Path):
    path = tmp_path / "rows.db"
    with ChunkStore(path) as store:
        store.append(
            [
                chunk("left", "train", 9, 1),
                chunk("left", "train", 10, 3),
                chunk("left", "evaluate", 4, 5),
                chunk("right", "train", 70, 7),
            ]
        )
        assert next_index(path, "left", "train") == 11
        assert next_index(path, "left", "evaluate") == 5
        assert next_index(path, "right", "train") == 71
        assert next_index(path, "right", "evaluate") == 0


def test_an_absent_database_is_told(tmp_path: Path):
    with pytest.raises(StoreAbsentError, match="does not exist"):
        next_index(tmp_path / "rows.db", "left", "train")
