"""Each cycle of the control loop as it was, for who looks on; what nobody takes in time is lost."""

import struct
from typing import NamedTuple

import numpy as np

from hal.types import RobotState, Vector
from services.ipc.byte_ring import ByteRing
from services.ipc.packed_state import pack_state, unpack_state

_NUMBERS = struct.Struct("<6q2i32s")
_NO_COMMAND = -1


class CycleRecord(NamedTuple):
    """A measurement, and what was sent after it.

    Attributes:
        number: counts what the loop had to say, from 0; a gap is what was lost.
        cycle: of the control process.
        lifecycle: number of hal.lifecycle.Lifecycle at the cycle's end.
        policy_version: in use; 0 when none is.
        episode_id: of the running episode; empty between two, and while one is being reset.
        step: of that episode, that begins with this measurement.
        state: as measured; `state.stamp_ns` says when, on the robot's clock (virtual in lockstep).
        command: [J] as sent in this cycle; None where nothing was.
        command_ns: when it had been sent, on the same clock; 0 where nothing was.
    """

    number: int
    cycle: int
    lifecycle: int
    policy_version: int
    episode_id: str
    step: int
    state: RobotState
    command: Vector | None
    command_ns: int


class CycleStream:
    """The control process pushes, the service process takes; neither waits."""

    def __init__(self, memory: memoryview) -> None:
        self._ring = ByteRing(memory)
        self._pushed = 0

    def push(
        self,
        cycle: int,
        lifecycle: int,
        policy_version: int,
        episode_id: str,
        step: int,
        state: RobotState,
        command: Vector | None,
        command_ns: int,
    ) -> None:
        """Append a record, see `CycleRecord`; it is lost while there is no room."""
        joints = _NO_COMMAND if command is None else len(command)
        name = episode_id.encode("ascii")
        numbers = self._pushed, cycle, lifecycle, policy_version, step, command_ns
        sent = b"" if command is None else np.asarray(command, dtype=np.float64).tobytes()
        self._pushed += 1
        self._ring.try_push(
            _NUMBERS.pack(*numbers, joints, len(name), name) + sent + pack_state(state)
        )

    def take(self) -> list[CycleRecord]:
        """Everything that has been pushed and not taken yet, oldest first.

        Raises:
            RingCorruptError: the memory was overwritten.
        """
        return [_decoded(data) for data in self._ring.drain()]


def _decoded(data: bytes) -> CycleRecord:
    number, cycle, lifecycle, version, step, command_ns, joints, length, name = (
        _NUMBERS.unpack_from(data)
    )
    at, command = _NUMBERS.size, None
    if joints != _NO_COMMAND:
        command = np.frombuffer(data, np.float64, joints, at)
        at += 8 * joints
    state, _ = unpack_state(data, at)
    assert state is not None  # only measured cycles are pushed
    episode_id = name[:length].decode("ascii")
    return CycleRecord(
        number, cycle, lifecycle, version, episode_id, step, state, command, command_ns
    )
