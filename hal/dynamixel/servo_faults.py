"""Faults of servos: reason and message, and the latched errors of Hardware Error Status (70)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hal.dynamixel.servo import Servo, names_of
from hal.dynamixel.status import HardwareError
from hal.errors import RobotReadError


@dataclass(frozen=True, slots=True)
class LatchCause:
    """One bit of Hardware Error Status (70).

    Attributes:
        bit: of the register.
        reason: SCREAMING_SNAKE_CASE, stable.
        text: what it means.
        cure: what a person does about it before the servo is rebooted.
    """

    bit: HardwareError
    reason: str
    text: str
    cure: str


# In this order: a shock or a broken encoder is worse than what follows from it.
LATCH_CAUSES = (
    LatchCause(
        HardwareError.ELECTRICAL_SHOCK,
        "SERVO_SHOCK",
        "electrical shock or short circuit",
        "look for a short circuit and for water before you go on",
    ),
    LatchCause(
        HardwareError.ENCODER,
        "SERVO_ENCODER",
        "encoder failure",
        "its encoder failed, so replace the servo if it comes again",
    ),
    LatchCause(HardwareError.OVERLOAD, "SERVO_OVERLOAD", "overload", "free what blocks it"),
    LatchCause(HardwareError.OVERHEATING, "SERVO_OVERHEAT", "overheating", "let it cool down"),
    LatchCause(
        HardwareError.INPUT_VOLTAGE,
        "SERVO_VOLTAGE",
        "its supply was outside its limits",
        "check the supply and its plugs",
    ),
)


@dataclass(frozen=True, slots=True)
class ServoFault:
    """A fault of one servo or several."""

    reason: str
    message: str

    def raise_error(self) -> None:
        """Raise it as the error that stops the robot.

        Raises:
            RobotReadError: always.
        """
        raise RobotReadError(self.message, reason=self.reason)


def hardware_errors(servo: Servo, status: int) -> Iterator[ServoFault]:
    """The faults that Hardware Error Status (70) reports, the worst first."""
    for cause in LATCH_CAUSES:
        if status & cause.bit:
            yield _latched(cause, [servo])


def refuse_latched(servos: Sequence[Servo], statuses: Sequence[int]) -> None:
    """Pass when no servo has latched an error.

    Args:
        statuses: [N] Hardware Error Status of each.

    Raises:
        RobotReadError: the worst cause there is, with every servo that has it.
    """
    for cause in LATCH_CAUSES:
        having = [s for s, status in zip(servos, statuses, strict=True) if status & cause.bit]
        if having:
            _latched(cause, having).raise_error()


def _latched(cause: LatchCause, servos: list[Servo]) -> ServoFault:
    which = servos[0].name if len(servos) == 1 else "--all"
    return ServoFault(
        cause.reason,
        f"{names_of(servos)}: {cause.text}, latched; {cause.cure}, then "
        f"`mbctl robot reboot-servo {which}`",
    )
