"""A measurement as bytes: what board and stream hold of the robot."""

import json
import struct

import numpy as np
from numpy.typing import NDArray

from hal.types import RobotState

_HEADER = struct.Struct("<2q3iI")  # the last: bytes that name the sensors and their sizes


def pack_state(state: RobotState | None) -> bytes:
    """The measurement, or that there is none."""
    if state is None:
        return _HEADER.pack(0, -1, 0, 0, 0, 0)
    sensors = {name: len(values) for name, values in state.sensors.items()}
    table = json.dumps(sensors).encode() if sensors else b""
    header = _HEADER.pack(state.stamp_ns, state.sequence, *_sizes(state), len(table))
    return header + table + _pack_vectors(state)


def unpack_state(data: bytes, offset: int) -> tuple[RobotState | None, int]:
    """The measurement that begins at `offset`, and where it ends."""
    stamp_ns, sequence, joints, objects, bodies, named = _HEADER.unpack_from(data, offset)
    begin = offset + _HEADER.size
    if sequence < 0:
        return None, begin
    sensors = json.loads(data[begin : begin + named]) if named else {}
    begin += named
    widths = (*_widths(joints, objects, bodies), *sensors.values())
    count = sum(widths)
    vectors = np.frombuffer(data, dtype=np.float64, count=count, offset=begin)
    return _unpack_vectors(vectors, stamp_ns, sequence, widths, tuple(sensors)), begin + 8 * count


def _sizes(state: RobotState) -> tuple[int, int, int]:
    return len(state.joint_position_rad), len(state.object_position_rad), len(state.body_pose)


def _widths(joints: int, objects: int, bodies: int) -> tuple[int, ...]:
    """How many numbers each vector of a measurement has, in the order in which they are packed."""
    return (*[joints] * 5, *[objects] * 3, *[6 * bodies] * 2, bodies)


def _pack_vectors(state: RobotState) -> bytes:
    return np.concatenate(
        (
            state.joint_position_rad,
            state.joint_velocity_rad_s,
            state.joint_current_ma,
            state.joint_temperature_c,
            state.valid,
            state.object_position_rad,
            state.object_velocity_rad_s,
            state.object_valid if len(state.object_valid) else np.ones(_sizes(state)[1]),
            state.body_pose.ravel(),
            state.body_velocity.ravel(),
            state.body_valid,
            *state.sensors.values(),
        ),
        dtype=np.float64,
    ).tobytes()


def _unpack_vectors(
    vectors: NDArray[np.float64],
    stamp_ns: int,
    sequence: int,
    widths: tuple[int, ...],
    sensors: tuple[str, ...],
) -> RobotState:
    position, velocity, current, temperature, valid, *others = np.split(
        vectors, np.cumsum(widths[:-1])
    )
    object_position, object_velocity, object_valid, body_pose, body_velocity, body_valid = others[
        :6
    ]
    return RobotState(
        stamp_ns,
        sequence,
        position,
        velocity,
        current,
        temperature,
        object_position,
        object_velocity,
        valid.astype(bool),
        body_pose.reshape(-1, 6),
        body_velocity.reshape(-1, 6),
        body_valid.astype(bool),
        object_valid.astype(bool),
        dict(zip(sensors, others[6:], strict=True)),
    )
