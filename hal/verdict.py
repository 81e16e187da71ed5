"""What the safety gate is told, remembers and answers."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hal.faults import FaultCause
from hal.types import JointCommand, Vector


@dataclass(frozen=True, slots=True)
class GateLimits:
    """What the gate accepts besides the limits in the robot's specification.

    Attributes:
        state_age_max_s: an older measurement is a fault.
        invalid_cycles_max: a joint may be unreadable for this many cycles in a row; its last
            command is held meanwhile.
        derate_from: fraction of the current and temperature limits at which steps begin to shrink;
            they reach zero at the limit itself.
        current_over_max_s: a current above its limit for longer is a fault. A motor that starts
            takes all that its supply gives for some hundredths of a second.

    Raises:
        ValueError: a limit that would switch a check off.
    """

    state_age_max_s: float = 0.1
    invalid_cycles_max: int = 3
    derate_from: float = 0.8
    current_over_max_s: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.state_age_max_s <= 1.0:
            raise ValueError(f"state_age_max_s is {self.state_age_max_s}, expected (0, 1] s")
        if not 0 <= self.invalid_cycles_max <= 100:
            raise ValueError(f"invalid_cycles_max is {self.invalid_cycles_max}, expected 0 to 100")
        if not 0.0 < self.derate_from < 1.0:
            raise ValueError(f"derate_from is {self.derate_from}, expected (0, 1)")
        if not 0.0 < self.current_over_max_s <= 2.0:
            raise ValueError(f"current_over_max_s is {self.current_over_max_s}, expected (0, 2] s")


@dataclass(frozen=True, slots=True)
class GateMemory:
    """What one cycle leaves to the next.

    Attributes:
        command_rad: [J] the last command, None before the first.
        velocity_rad_s: [J] velocity that it implied.
        invalid_cycles: [J] cycles in a row without a valid measurement.
        load: what the joints have drawn of late.
    """

    command_rad: Vector | None
    velocity_rad_s: Vector
    invalid_cycles: NDArray[np.int64]
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
