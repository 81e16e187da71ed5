"""What goes over the wire comes back equal, and nonsense is refused by name."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbctl.data.chunk import ChunkError, ChunkRecord, EpisodeSummary
from mbctl.data.chunk_store import ChunkStore, SequenceError
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


EXTREMES = {
    "int64": (-(2**63), -1, 0, 2**60, 2**62 + 1, 2**63 - 1),
    "int32": (-(2**31), -1, 0, 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "double": (math.nan, math.inf, -math.inf, 1e308),
    "string": ("", "x" * 3_000_000, "a\0b", "\U0010ffff", "\x1b[31m", "\n"),
    "bool": (True, False),
    "enum": (-(2**31), 0, 3, 2**31 - 1),
    "bytes": (b"", b"\xff" * 64),
}


def _leaves(message):
    """(message, field) of every plain field, those of messages within it included."""
    for field in message.DESCRIPTOR.fields:
        if field.type == field.TYPE_MESSAGE:
            yield from _leaves(getattr(message, field.name))
        else:
            yield message, field


def _type_name(field) -> str:
    return next(n for n in EXTREMES if getattr(field, f"TYPE_{n.upper()}") == field.type)


def _extremes():
    for number, (_, field) in enumerate(_leaves(wire.chunk_to_proto(CHUNK))):
        for value in EXTREMES[_type_name(field)]:
            shown = repr(value)[:20]
            yield pytest.param(number, value, id=f"{field.full_name.split('.', 2)[-1]}={shown}")


@pytest.mark.parametrize(("number", "value"), list(_extremes()))
def test_what_is_not_refused_can_be_stored_as_it_came(
    number: int, value: object, tmp_path: Path
) -> None:
    message = wire.chunk_to_proto(CHUNK)
    owner, field = list(_leaves(message))[number]
    setattr(owner, field.name, value)
    try:
        chunk = wire.chunk_from_proto(message, CHUNK.spool_id)
        chunk.check(LAYOUT)
    except ChunkError:
        return
    with ChunkStore(tmp_path / "a.db") as store:
        if chunk.first_sequence > 1:  # in range, and no continuation of anything
            with pytest.raises(SequenceError):
                store.append([chunk])
            return
        store.append([chunk])
        (stored,) = store.chunks_from(CHUNK.spool_id, 0)
    assert repr(stored) == repr(chunk)  # NaN does not equal itself


def test_times_that_no_clock_shows_are_refused() -> None:
    for seconds, nanos in ((2**60, 0), (5 * 10**9, 0), (1, 10**9), (1, -1)):
        for stamp in ("wall_time", "episode.start_wall_time"):
            message = wire.chunk_to_proto(CHUNK)
            owner = message.header.episode if "." in stamp else message.header
            time = getattr(owner, stamp.rpartition(".")[2])
            time.seconds, time.nanos = seconds, nanos
            with pytest.raises(ChunkError, match=r"wall_ns|nanos"):
                wire.chunk_from_proto(message, CHUNK.spool_id)


def test_a_spool_id_is_in_no_message() -> None:
    with pytest.raises(ChunkError) as refused:
        wire.chunk_from_proto(wire.chunk_to_proto(CHUNK), CHUNK.spool_id * 9)
    assert CHUNK.spool_id not in str(refused.value)
