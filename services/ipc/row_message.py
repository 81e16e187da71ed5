"""One transition row on its way from the control process to the spool, with its provenance."""

import struct
from typing import NamedTuple

_HEADER = struct.Struct("<32sqqqqi?BBx")
HEADER_BYTES = _HEADER.size


class RowMessage(NamedTuple):
    """A row and where it comes from.

    Attributes:
        episode_id: without its resource prefix; unique per robot and run.
        step: from 0 within the episode.
        policy_version: that chose the action.
        observation_ns: when the row's observation was measured, on the robot's clock (virtual
            in lockstep).
        command_ns: when the command had been sent, on the same clock.
        wall_ns: Unix time of the row; the only part that differs between two lockstep runs.
        purpose: TRAIN or EVALUATE of mbctl.episodes.seeding.
        last: whether it ends its episode.
        row: the bytes of one row of the task's RowLayout.
    """

    episode_id: str
    step: int
    policy_version: int
    observation_ns: int
    command_ns: int
    wall_ns: int
    purpose: int
    last: bool
    row: bytes


def encode_row(message: RowMessage) -> bytes:
    """Flat bytes for the ring; the episode id has at most 32 ASCII characters."""
    return (
        _HEADER.pack(
            message.episode_id.encode("ascii"),
            message.policy_version,
            message.observation_ns,
            message.command_ns,
            message.wall_ns,
            message.step,
            message.last,
            message.purpose,
            len(message.episode_id),
        )
        + message.row
    )


def decode_row(data: bytes) -> RowMessage:
    """Undo `encode_row`.

    Raises:
        ValueError: too short to be a row message.
    """
    if len(data) < HEADER_BYTES:
        raise ValueError(f"row message of {len(data)} bytes, its header alone has {HEADER_BYTES}")
    name, version, observed, commanded, wall, step, last, purpose, length = _HEADER.unpack_from(
        data
    )
    episode_id = name[:length].decode("ascii")
    row = data[HEADER_BYTES:]
    return RowMessage(episode_id, step, version, observed, commanded, wall, purpose, last, row)
