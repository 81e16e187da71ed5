"""What the safety gate is told, remembers and answers."""

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from hal.faults import FaultCause
from hal.settings import check_ranges
from hal.types import JointCommand, Vector

# Time constant of the mean by which steps shrink. By a single sample they would shrink to nothing
# and grow back in turns, against whatever the joint pushes.
_MEAN_S = 0.5
# Of the limit: no sample counts for more, so that one absurd one is forgotten again.
_LARGEST = 2.0
_LARGEST_MA = 100_000.0
_NS_PER_S = 1e9
_NOT_OVER = -1


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Limits of the safety gate beside those of the robot's joints.

    Raises:
        ValueError: a limit that would switch a check off.
    """

    state_age_max_s: Annotated[float, Interval(gt=0, le=1)] = 0.25
    """A measurement older than this is stale, and commanding on it is a fault."""
    invalid_reads_max: Annotated[int, Interval(ge=0, le=100)] = 3
    """So many consecutive failed reads of one joint are borne, its last position being held or its
    effort taken off; one more is a fault."""
    derate_from: Annotated[float, Interval(gt=0, lt=1)] = 0.8
    """Fraction of a current or temperature limit from which on steps are shortened, to zero at the
    limit itself."""
    current_over_max_s: Annotated[float, Interval(gt=0, le=2)] = 1.0
    """A current above its limit for longer is a fault. A motor that starts takes all that its
    supply gives for some hundredths of a second."""

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, slots=True)
class GateMemory:
    """What one cycle leaves to the next.

    Attributes:
        command: [J] targets of the last command, None before the first.
        velocity_rad_s: [J] velocity that it implied; 0 where an effort drives the joint.
        invalid_reads: [J] failed reads in a row.
        load: what the joints have drawn of late.
    """

    command: Vector | None
    velocity_rad_s: Vector
    invalid_reads: NDArray[np.int64]
    load: "CurrentLoad | None" = None

    @classmethod
    def empty(cls, joint_count: int) -> Self:
        """At rest, nothing commanded yet."""
        return cls(None, np.zeros(joint_count), np.zeros(joint_count, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class CurrentLoad:
    """Currents up to one measurement.

    Attributes:
        stamp_ns: of the measurement.
        mean_ma: [J] mean of the magnitudes, older ones counting less; NaN where none is measured.
        over_since_ns: [J] since when each measurement has been above the limit; -1 where the last
            was not.
    """

    stamp_ns: int
    mean_ma: Vector
    over_since_ns: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What may be sent.

    Attributes:
        command: None exactly when there is a fault.
        clipped: the request was altered.
        causes: what altered it; with a fault, its name alone.
        fault: why nothing may be sent.
        message: explains the fault: joint, value, limit.
    """

    command: JointCommand | None
    clipped: bool = False
    causes: tuple[str, ...] = ()
    fault: FaultCause | None = None
    message: str = ""

    @classmethod
    def refuse(cls, fault: FaultCause, message: str) -> Self:
        """Nothing may be sent."""
        return cls(None, causes=(fault.value,), fault=fault, message=message)

    def __str__(self) -> str:
        return "+".join(self.causes)


def current_load(
    before: CurrentLoad | None, current_ma: Vector, limit_ma: Vector, stamp_ns: int
) -> CurrentLoad | None:
    """The load after one more measurement; None where no joint's current is measured.

    One sample of a current says little: a motor that starts takes as much as one at a stop, until
    its back-EMF has grown, 45 ms for X430 servos. So a limit holds for what lasts.

    Args:
        before: None for the first measurement, which is the mean then.
        current_ma: [J] signed; NaN where not measured.
        limit_ma: [J].
        stamp_ns: of the measurement.
    """
    drawn = np.minimum(np.abs(current_ma), np.minimum(_LARGEST * limit_ma, _LARGEST_MA))
    if np.isnan(drawn).all():
        return None
    over = drawn > limit_ma  # NaN compares false
    if before is None:
        return CurrentLoad(stamp_ns, drawn, np.where(over, stamp_ns, _NOT_OVER))
    elapsed_s = max(0.0, (stamp_ns - before.stamp_ns) / _NS_PER_S)
    share = elapsed_s / (_MEAN_S + elapsed_s)
    old = np.where(np.isnan(before.mean_ma), drawn, before.mean_ma)
    since = np.where(before.over_since_ns == _NOT_OVER, stamp_ns, before.over_since_ns)
    return CurrentLoad(stamp_ns, old + share * (drawn - old), np.where(over, since, _NOT_OVER))


def over_for_s(load: CurrentLoad) -> Vector:
    """[J] for how long each joint's current has been above its limit; 0 where it is not."""
    since = load.over_since_ns
    return np.where(since == _NOT_OVER, 0.0, (load.stamp_ns - since) / _NS_PER_S)
