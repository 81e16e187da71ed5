"""The one place where wire messages and the domain's records are turned into each other.

Messages come from outside, so every direction inwards checks what the record itself cannot hold;
errors are `ValueError`s (`ChunkError` for chunks) that name the field. Fields of records travel
under their own names, unless `_CONVERTED` says otherwise.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from mbctl.data.chunk import (
    EPISODE_FIELDS,
    HEADER_FIELDS,
    ChunkError,
    ChunkRecord,
    EpisodeSummary,
    Purpose,
)
from mbctl.data.layout import RowLayout
from protos import common_pb2, trainer_pb2

PURPOSE_ENUM: Mapping[Purpose, common_pb2.EpisodePurpose] = {
    "train": common_pb2.EPISODE_PURPOSE_TRAIN,
    "evaluate": common_pb2.EPISODE_PURPOSE_EVALUATE,
}
_PURPOSES: Mapping[int, Purpose] = {number: purpose for purpose, number in PURPOSE_ENUM.items()}
_COLUMNS_MAX = 4096


def timestamp_from_ns(wall_ns: int) -> Timestamp:
    """Wall time, ns since 1970, as a message; 0 is 1970."""
    seconds, nanos = divmod(wall_ns, 1_000_000_000)
    return Timestamp(seconds=seconds, nanos=nanos)


def ns_from_timestamp(stamp: Timestamp) -> int:
    """Wall time in ns since 1970; any Python integer, as seconds have 64 bits.

    Raises:
        ValueError: the nanoseconds are not those of one second.
    """
    if not 0 <= stamp.nanos < 1_000_000_000:
        raise ValueError(f"timestamp nanos {stamp.nanos}, expected 0 to 999999999")
    return stamp.seconds * 1_000_000_000 + stamp.nanos


def purpose_from_proto(purpose: int) -> Purpose:
    """The purpose's word.

    Raises:
        ValueError: unspecified or unknown.
    """
    if purpose not in _PURPOSES:
        raise ValueError(f"episode purpose {purpose} is not TRAIN (1) or EVALUATE (2)")
    return _PURPOSES[purpose]


def purpose_to_proto(purpose: Purpose) -> common_pb2.EpisodePurpose:
    """The purpose's number.

    Raises:
        ValueError: unknown.
    """
    if purpose not in PURPOSE_ENUM:
        raise ValueError(f"episode purpose {purpose!r} is not 'train' or 'evaluate'")
    return PURPOSE_ENUM[purpose]


class _Field(NamedTuple):
    """How a field of a record stands in a message: its name there, the way there and back."""

    name: str
    there: str
    to_message: Callable[[Any], Any] | None = None
    from_message: Callable[[Any], Any] | None = None


_CONVERTED = {
    "purpose": _Field("purpose", "purpose", purpose_to_proto, purpose_from_proto),
    "wall_ns": _Field("wall_ns", "wall_time", timestamp_from_ns, ns_from_timestamp),
    "start_wall_ns": _Field(
        "start_wall_ns", "start_wall_time", timestamp_from_ns, ns_from_timestamp
    ),
}
_HEADER = tuple(_CONVERTED.get(name, _Field(name, name)) for name in HEADER_FIELDS)
_EPISODE = tuple(_CONVERTED.get(name, _Field(name, name)) for name in EPISODE_FIELDS)


def layout_to_proto(layout: RowLayout) -> common_pb2.RowLayout:
    """The columns of a row, and their hash."""
    return common_pb2.RowLayout(
        observation_names=layout.observation_names,
        action_names=layout.action_names,
        width=layout.width,
        hash=layout.hash,
    )


def layout_from_proto(message: common_pb2.RowLayout) -> RowLayout:
    """The layout, after its width and hash were recomputed.

    Raises:
        ValueError: names, width and hash do not agree.
    """
    columns = len(message.observation_names) + len(message.action_names)
    if not message.observation_names or columns > _COLUMNS_MAX:
        raise ValueError(f"row layout names {columns} columns, expected 1 to {_COLUMNS_MAX}")
    layout = RowLayout(tuple(message.observation_names), tuple(message.action_names))
    if message.width != layout.width:
        raise ValueError(f"row layout width is {message.width}, its names make {layout.width}")
    if message.hash != layout.hash:
        raise ValueError(f"row layout hash is {message.hash[:80]!r}, its names make {layout.hash}")
    return layout


def _to_message(record: ChunkRecord | EpisodeSummary, fields: Iterable[_Field]) -> dict[str, Any]:
    return {
        there: getattr(record, name) if convert is None else convert(getattr(record, name))
        for name, there, convert, _ in fields
    }


def _from_message(message: Message, fields: Iterable[_Field]) -> dict[str, Any]:
    return {
        name: getattr(message, there) if convert is None else convert(getattr(message, there))
        for name, there, _, convert in fields
    }


def episode_to_proto(episode: EpisodeSummary) -> common_pb2.EpisodeRecord:
    """The record; the resource name `robots/{robot}/episodes/{id}` carries robot and id."""
    resource = f"robots/{episode.robot}/episodes/{episode.episode_id}"
    return common_pb2.EpisodeRecord(**{**_to_message(episode, _EPISODE), "episode_id": resource})


def episode_from_proto(message: common_pb2.EpisodeRecord) -> EpisodeSummary:
    """The summary.

    Raises:
        ValueError: the resource name, the purpose or the start's time is malformed.
    """
    prefix = f"robots/{message.robot}/episodes/"
    if not message.episode_id.startswith(prefix) or message.episode_id == prefix:
        raise ValueError(f"episode {message.episode_id[:200]!r} is not {prefix}ID")
    values = _from_message(message, _EPISODE)
    values["episode_id"] = message.episode_id.removeprefix(prefix)
    return EpisodeSummary(**values)


def chunk_to_proto(chunk: ChunkRecord) -> trainer_pb2.Chunk:
    """The wire chunk; its spool id travels once per stream, in the hello."""
    episode = episode_to_proto(chunk.episode) if chunk.episode else None
    header = trainer_pb2.ChunkHeader(**_to_message(chunk, _HEADER), episode=episode)
    return trainer_pb2.Chunk(header=header, rows=chunk.rows, stamps=chunk.stamps)


def chunk_from_proto(message: trainer_pb2.Chunk, spool_id: str) -> ChunkRecord:
    """The record, its header checked; `ChunkRecord.check` holds it against a layout.

    Raises:
        ChunkError: names the field that is wrong.
    """
    header = message.header
    try:
        values = _from_message(header, _HEADER)
        episode = episode_from_proto(header.episode) if header.HasField("episode") else None
    except ValueError as error:
        raise ChunkError(
            f"chunk {header.first_sequence}: {error}", reason="CHUNK_INVALID"
        ) from error
    payload = {"rows": message.rows, "stamps": message.stamps, "episode": episode}
    chunk = ChunkRecord(spool_id=spool_id, **values, **payload)
    chunk.check_header()
    return chunk
