"""The contract of a tracker: the pose of bodies that joints do not tell."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hal.types import Vector


@dataclass(frozen=True, slots=True)
class TrackedBodies:
    """One look at all bodies.

    Attributes:
        stamp_ns: monotonic time of the newest measurement in it; 0 before the first.
        pose: [B, 6] x, y, z (m) and rotations about the body's own x, then y, then z axis (rad),
            in the tracker's z-up world.
        velocity: [B, 6] time derivatives of `pose`.
        valid: [B] bool; False for a body never seen, lost, or not seen for too long. Its pose is
            then the last one known, zeros when there was none.
    """

    stamp_ns: int
    pose: Vector
    velocity: Vector
    valid: NDArray[np.bool_]


@runtime_checkable
class Tracker(Protocol):
    """One tracking system, used from one thread."""

    @property
    def bodies(self) -> tuple[str, ...]:
        """The bodies it reports, in order."""
        ...

    def start(self) -> None:
        """Begin to track.

        Raises:
            TrackerError: the system cannot be reached or has no such body; says what to do.
        """
        ...

    def read(self) -> TrackedBodies:
        """The newest measurement; never waits.

        Raises:
            TrackerError: the system is gone.
        """
        ...

    def close(self) -> None:
        """Release the system. Repeatable."""
        ...
