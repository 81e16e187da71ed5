"""One servo as it was found on the bus: which joint it is and what its firmware can do."""

from dataclasses import dataclass

from hal.description import ServoJoint
from hal.dynamixel.registers import ControlTable

WATCHDOG_FIRMWARE = 38
DRIVE_MODE_FIRMWARE = 38
FAST_READ_FIRMWARE = 45
STARTUP_CONFIGURATION_FIRMWARE = 45


@dataclass(frozen=True, slots=True)
class Servo:
    """A servo that has answered.

    Attributes:
        joint: what it moves or senses.
        table: registers of its model.
        firmware: version of it.
        goal_min_ticks, goal_max_ticks: goals that may be sent: its travel inside its own limits.
    """

    joint: ServoJoint
    table: ControlTable
    firmware: int
    goal_min_ticks: int = 0
    goal_max_ticks: int = 4095

    @property
    def id(self) -> int:
        """On the bus."""
        return self.joint.servo_id

    @property
    def name(self) -> str:
        """Of the joint or object."""
        return self.joint.name

    @property
    def has_watchdog(self) -> bool:
        """Whether its firmware has a bus watchdog."""
        return self.firmware >= WATCHDOG_FIRMWARE

    @property
    def has_fast_reads(self) -> bool:
        """Whether it takes part in a Fast Sync Read."""
        return self.firmware >= FAST_READ_FIRMWARE

    def __str__(self) -> str:
        return f"{self.name} (servo {self.id})"


def names_of(servos: "list[Servo] | tuple[Servo, ...]") -> str:
    """For messages: "FFJ10 (servo 10), FFJ11 (servo 11)"."""
    return ", ".join(str(servo) for servo in servos)
