"""The one place where wire messages and the domain's records are turned into each other.

Messages come from outside, so every direction inwards checks what the record itself cannot hold;
errors are `ValueError`s (`ChunkError` for chunks) that name the field.
"""

from collections.abc import Mapping

from google.protobuf.timestamp_pb2 import Timestamp

from mbctl.data.chunk import ChunkError, ChunkRecord, EpisodeSummary, Purpose
from mbctl.data.layout import RowLayout
from protos import common_pb2, trainer_pb2

_PURPOSES: Mapping[int, Purpose] = {
    common_pb2.EPISODE_PURPOSE_TRAIN: "train",
    common_pb2.EPISODE_PURPOSE_EVALUATE: "evaluate",
}
_PURPOSE_NUMBERS: Mapping[str, common_pb2.EpisodePurpose] = {
    "train": common_pb2.EPISODE_PURPOSE_TRAIN,
    "evaluate": common_pb2.EPISODE_PURPOSE_EVALUATE,
}
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
    if purpose not in _PURPOSE_NUMBERS:
        raise ValueError(f"episode purpose {purpose!r} is not 'train' or 'evaluate'")
    return _PURPOSE_NUMBERS[purpose]


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


def episode_to_proto(episode: EpisodeSummary) -> common_pb2.EpisodeRecord:
    """The record; the resource name `robots/{robot}/episodes/{id}` carries robot and id."""
    return common_pb2.EpisodeRecord(
        episode_id=f"robots/{episode.robot}/episodes/{episode.episode_id}",
        robot=episode.robot,
        task=episode.task,
        purpose=purpose_to_proto(episode.purpose),
        index=episode.index,
        policy_version=episode.policy_version,
        steps=episode.steps,
        episode_return=episode.episode_return,
        success=episode.success,
        end_reason=episode.end_reason,
        start_wall_time=timestamp_from_ns(episode.start_wall_ns),
        clipped_steps=episode.clipped_steps,
    )


def episode_from_proto(message: common_pb2.EpisodeRecord) -> EpisodeSummary:
    """The summary.

    Raises:
        ValueError: the resource name, the purpose or the start's time is malformed.
    """
    prefix = f"robots/{message.robot}/episodes/"
    if not message.episode_id.startswith(prefix) or message.episode_id == prefix:
        raise ValueError(f"episode {message.episode_id[:200]!r} is not {prefix}ID")
    return EpisodeSummary(
        episode_id=message.episode_id.removeprefix(prefix),
        robot=message.robot,
        task=message.task,
        purpose=purpose_from_proto(message.purpose),
        index=message.index,
        policy_version=message.policy_version,
        steps=message.steps,
        episode_return=message.episode_return,
        success=message.success,
        end_reason=message.end_reason,
        start_wall_ns=ns_from_timestamp(message.start_wall_time),
        clipped_steps=message.clipped_steps,
    )


def chunk_to_proto(chunk: ChunkRecord) -> trainer_pb2.Chunk:
    """The wire chunk; its spool id travels once per stream, in the hello."""
    header = trainer_pb2.ChunkHeader(
        first_sequence=chunk.first_sequence,
        row_count=chunk.row_count,
        robot=chunk.robot,
        task=chunk.task,
        episode_id=chunk.episode_id,
        first_step=chunk.first_step,
        policy_version=chunk.policy_version,
        calibration_version=chunk.calibration_version,
        backend=chunk.backend,
        purpose=purpose_to_proto(chunk.purpose),
        layout_hash=chunk.layout_hash,
        boot_id=chunk.boot_id,
        wall_time=timestamp_from_ns(chunk.wall_ns),
        episode=episode_to_proto(chunk.episode) if chunk.episode else None,
    )
    return trainer_pb2.Chunk(header=header, rows=chunk.rows, stamps=chunk.stamps)


def chunk_from_proto(message: trainer_pb2.Chunk, spool_id: str) -> ChunkRecord:
    """The record, its header checked; `ChunkRecord.check` holds it against a layout.

    Raises:
        ChunkError: names the field that is wrong.
    """
    header = message.header
    try:
        purpose = purpose_from_proto(header.purpose)
        episode = episode_from_proto(header.episode) if header.HasField("episode") else None
        wall_ns = ns_from_timestamp(header.wall_time)
    except ValueError as error:
        raise ChunkError(
            f"chunk {header.first_sequence}: {error}", reason="CHUNK_INVALID"
        ) from error
    chunk = ChunkRecord(
        spool_id=spool_id,
        first_sequence=header.first_sequence,
        row_count=header.row_count,
        robot=header.robot,
        task=header.task,
        episode_id=header.episode_id,
        first_step=header.first_step,
        policy_version=header.policy_version,
        calibration_version=header.calibration_version,
        backend=header.backend,
        purpose=purpose,
        layout_hash=header.layout_hash,
        boot_id=header.boot_id,
        wall_ns=wall_ns,
        rows=message.rows,
        stamps=message.stamps,
        episode=episode,
    )
    chunk.check_header()
    return chunk
