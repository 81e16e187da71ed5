"""Single 64-bit numbers in shared memory: heartbeats, the lease and the emergency stop.

An aligned 8-byte store is atomic on the machines this runs on, so a word needs no lock. Each word
has one writer, and a cache line of its own so that neither process slows the other down.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum

_STRIDE = 8  # 64 bytes in words


class Word(IntEnum):
    """The words; times are CLOCK_MONOTONIC nanoseconds, which all processes of a machine share."""

    SERVICE_HEARTBEAT_NS = 0  # written by the service process
    LEASE_DEADLINE_NS = 1  # service: commanding is allowed until then; 0 when nobody holds it
    ESTOP_REQUESTED = 2  # service: counts emergency stops asked for
    CONTROL_HEARTBEAT_NS = 3  # control: end of its last cycle or idle wait
    ESTOP_DONE = 4  # control: requests whose torque-off has been sent and answered
    ESTOP_DONE_NS = 5  # control: when the last of them was done
    ROWS_TOTAL = 6  # control: rows put in the ring since it started
    STOPPED = 7  # control: 1 once torque is off and it will never write again
    PLANNER_HEARTBEAT_NS = 8  # planner: it is not stuck; not told while it makes one plan
    PLANNER_DEATHS = 9  # service: planner processes that have ended without being asked to
    ESTOP_UNCONFIRMED = 10  # control: joints without confirmation at the last stop, as bits
    CYCLES_WANTED = 11  # service: 1 while somebody takes what the loop tells of each cycle


def joint_bits(joint_names: Sequence[str], chosen: Iterable[str]) -> int:
    """Joints as bits of a word, in the order of `joint_names`; a name that is not there stands for
    all of them."""
    places = {name: 1 << place for place, name in enumerate(joint_names)}
    every = (1 << len(joint_names)) - 1
    bits = 0
    for name in chosen:
        bits |= places.get(name, every)
    return bits


def joints_of(joint_names: Sequence[str], bits: int) -> tuple[str, ...]:
    """The joints behind the bits."""
    return tuple(name for place, name in enumerate(joint_names) if bits >> place & 1)


class SignalWords:
    """Typed access to the words part of a segment."""

    def __init__(self, memory: memoryview) -> None:
        self._words = memory[: 64 * len(Word)].cast("q")

    def get(self, word: Word) -> int:
        """The present value."""
        return self._words[word * _STRIDE]

    def set(self, word: Word, value: int) -> None:
        """Store a value; only the word's one writer does this."""
        self._words[word * _STRIDE] = value
