"""What is wrong with a servo, as its fault is named and as an operator reads it."""

from collections.abc import Iterator
from dataclasses import dataclass

from hal.dynamixel.servo import Servo
from hal.dynamixel.status import HardwareError
from hal.errors import RobotReadError

# In this order: a shock or a broken encoder is worse than what follows from it.
_HARDWARE_FAULTS = (
    (HardwareError.ELECTRICAL_SHOCK, "SERVO_SHOCK", "electrical shock or short circuit"),
    (HardwareError.ENCODER, "SERVO_ENCODER", "encoder failure"),
    (HardwareError.OVERLOAD, "SERVO_OVERLOAD", "overload"),
    (HardwareError.OVERHEATING, "SERVO_OVERHEAT", "overheating"),
)
_LATCHED = "latched; take the load off, let it cool down, then reboot this servo"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with one servo."""

    reason: str
    message: str

    def raise_as_fault(self) -> None:
        """Stop the robot.

        Raises:
            RobotReadError: always.
        """
        raise RobotReadError(self.message, reason=self.reason)


def hardware_errors(servo: Servo, status: int) -> Iterator[Finding]:
    """What the bits of Hardware Error Status (70) say, the worst first."""
    for bit, reason, text in _HARDWARE_FAULTS:
        if status & bit:
            yield Finding(reason, f"{servo}: {text}, {_LATCHED}")
    if status & HardwareError.INPUT_VOLTAGE:
        yield Finding(
            "SERVO_VOLTAGE",
            f"{servo}: its supply was outside its limits, {_LATCHED}",
        )
