"""What an operator wants to know of a robot beside its state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class JointHealth:
    """One servo.

    Attributes:
        name: of its joint.
        servo_id: on the bus.
        voltage_v, temperature_c: last measured; NaN before.
        hardware_error: bits of the servo's Hardware Error Status.
        age_s: since it was last read.
    """

    name: str
    servo_id: int
    voltage_v: float
    temperature_c: float
    hardware_error: int
    age_s: float


@dataclass(frozen=True, slots=True)
class RobotHealth:
    """A summary that is cheap to make.

    Attributes:
        watchdog_s: after this time without a packet the robot stops by itself; None where it has no
            such watchdog or it is not armed.
        joints: one each, in the spec's order; empty where there is nothing to measure.
        warnings: what needs attention but stops nothing, in words; each begins with a stable
            SCREAMING_SNAKE_CASE reason and a colon.
        counters: events since the robot was configured, such as "retries" or "crc_errors".
    """

    watchdog_s: float | None = None
    joints: tuple[JointHealth, ...] = ()
    warnings: tuple[str, ...] = ()
    counters: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


NO_HEALTH = RobotHealth()
