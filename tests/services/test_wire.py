"""What goes over the wire comes back equal, and nonsense is refused by name."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbctl.data.chunk import ChunkError, ChunkRecord, EpisodeSummary
from mbctl.data.layout import RowLayout
from protos import trainer_pb2
from services import wire

LAYOUT = RowLayout(("a", "b"), ("u",))
NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=20)
LARGE = st.integers(0, 2**62)
EPISODE = EpisodeSummary(
    "t00000007", "dclaw0", "turn", "train", 7, 2, 4, -0.5, True, "TRUNCATED", 123_456_789_012, 1
)
ROWS = np.ones((4, LAYOUT.width), dtype="<f4")
STAMPS = np.arange(8, dtype="<i8")
CHUNK = ChunkRecord(
    "a" * 32,
    1,
    4,
    "dclaw0",
    "turn",
    "t00000007",
    0,
    2,
    "cal",
    "mujoco",
    "train",
    LAYOUT.hash,
    "boot",
    1_700_000_000_123_456_789,
    ROWS.tobytes(),
    STAMPS.tobytes(),
    EPISODE,
)


@settings(deadline=None, max_examples=50)
@given(robot=NAMES, identity=NAMES, sequence=st.integers(1, 2**62), version=LARGE, wall=LARGE)
def test_chunks_survive_the_wire(
    robot: str, identity: str, sequence: int, version: int, wall: int
) -> None:
    shared = {"robot": robot, "episode_id": identity}
    episode = dataclasses.replace(EPISODE, start_wall_ns=wall, **shared)
    chunk = dataclasses.replace(
        CHUNK,
        first_sequence=sequence,
        policy_version=version,
        wall_ns=wall,
        episode=episode,
        **shared,
    )
    message = trainer_pb2.Chunk.FromString(wire.chunk_to_proto(chunk).SerializeToString())
    assert wire.chunk_from_proto(message, chunk.spool_id) == chunk


def test_the_wire_adds_little_to_a_full_chunk() -> None:
    layout = RowLayout(tuple(f"o{i}" for i in range(21)), tuple(f"a{i}" for i in range(9)))
    rows = np.ones((256, layout.width), dtype="<f4").tobytes()
    stamps = np.zeros(512, dtype="<i8").tobytes()
    chunk = dataclasses.replace(CHUNK, row_count=256, rows=rows, stamps=stamps, episode=None)
    assert wire.chunk_to_proto(chunk).ByteSize() < 1.01 * (len(rows) + len(stamps))


def test_layouts_survive_the_wire_and_are_recomputed() -> None:
    message = wire.layout_to_proto(LAYOUT)
    assert wire.layout_from_proto(message) == LAYOUT
    message.hash = "0" * 64
    with pytest.raises(ValueError, match="hash"):
        wire.layout_from_proto(message)
    message.CopyFrom(wire.layout_to_proto(LAYOUT))
    message.width += 1
    with pytest.raises(ValueError, match="width is 10, its names make 9"):
        wire.layout_from_proto(message)
    message.Clear()
    with pytest.raises(ValueError, match="0 columns"):
        wire.layout_from_proto(message)


def test_nonsense_is_refused_by_name() -> None:
    message = wire.chunk_to_proto(CHUNK)
    message.header.purpose = 0
    with pytest.raises(ChunkError, match="purpose 0"):
        wire.chunk_from_proto(message, CHUNK.spool_id)
    message = wire.chunk_to_proto(CHUNK)
    message.header.episode.episode_id = "t00000007"
    with pytest.raises(ChunkError, match="robots/dclaw0/episodes/"):
        wire.chunk_from_proto(message, CHUNK.spool_id)
    message = wire.chunk_to_proto(CHUNK)
    message.header.wall_time.seconds = -1
    with pytest.raises(ChunkError, match="wall_ns"):
        wire.chunk_from_proto(message, CHUNK.spool_id)
    with pytest.raises(ChunkError, match="spool_id"):
        wire.chunk_from_proto(wire.chunk_to_proto(CHUNK), "")
