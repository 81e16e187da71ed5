"""Why a robot was stopped, with the cycles that led to it."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from hal.types import Vector

Angles = tuple[float, ...]


class FaultCause(StrEnum):
    """Causes that the safety gate finds; the names are stable."""

    COMMAND_SHAPE = "COMMAND_SHAPE"
    COMMAND_KIND = "COMMAND_KIND"
    COMMAND_NOT_FINITE = "COMMAND_NOT_FINITE"
    STATE_STALE = "STATE_STALE"
    STATE_INVALID = "STATE_INVALID"
    CURRENT_LIMIT = "CURRENT_LIMIT"
    TEMPERATURE_LIMIT = "TEMPERATURE_LIMIT"


@dataclass(frozen=True, slots=True)
class Cycle:
    """One control cycle.

    Attributes:
        cycle: counts from the start of the loop.
        stamp_ns: monotonic time of its measurement.
        position, velocity: [J] measured, rad and rad/s.
        command: [J] targets sent; empty when none was.
        verdict: what the gate said: empty when it let the request pass as it was.
    """

    cycle: int
    stamp_ns: int
    position: Angles
    velocity: Angles
    command: Angles
    verdict: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A latched fault.

    Attributes:
        reason: SCREAMING_SNAKE_CASE, stable: a FaultCause or the reason of an error.
        message: names the thing, its value and its limit.
        stamp_ns: monotonic time.
        wall_time_ns: the same moment in Unix time.
        cycles: the last cycles before it, oldest first.
    """

    reason: str
    message: str
    stamp_ns: int
    wall_time_ns: int
    cycles: tuple[Cycle, ...]


class FlightRecorder:
    """The last cycles of a loop, copied as they are recorded.

    Args:
        capacity: cycles kept.

    Raises:
        ValueError: a capacity below 1.
    """

    def __init__(self, capacity: int = 50) -> None:
        if capacity < 1:
            raise ValueError(f"capacity is {capacity} cycles, expected at least 1")
        self._cycles: deque[Cycle] = deque(maxlen=capacity)

    def record(
        self,
        cycle: int,
        stamp_ns: int,
        position: Vector,
        velocity: Vector,
        command: Vector | None,
        verdict: str,
    ) -> None:
        """Keep one cycle, arguments as in `Cycle`; the oldest makes room."""
        sent = () if command is None else tuple(command.tolist())
        self._cycles.append(
            Cycle(
                cycle, stamp_ns, tuple(position.tolist()), tuple(velocity.tolist()), sent, verdict
            )
        )

    def cycles(self) -> tuple[Cycle, ...]:
        """What is kept, oldest first."""
        return tuple(self._cycles)

    def clear(self) -> None:
        """Forget everything."""
        self._cycles.clear()
