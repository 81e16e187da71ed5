"""What can go wrong between the host and a servo, each with its own reason.

Only the robot above knows which joint a servo is and what a failure means for it, so these errors
speak of IDs, registers and ports.
"""

from hal.dynamixel.status import ALERT, StatusErrorNumber
from hal.errors import HalError


class ProtocolError(HalError):
    """A packet that cannot be built: an ID, instruction or payload that the protocol has not."""

    reason = "PROTOCOL_MISUSE"


class RegisterError(HalError):
    """A register that the model has not, or a value that the register cannot hold.

    Reasons: UNKNOWN_REGISTER, REGISTER_READ_ONLY, REGISTER_VALUE, REGISTER_LENGTH.
    """

    reason = "UNKNOWN_REGISTER"


class UnknownServoModelError(HalError):
    """A model number without a control table."""

    reason = "UNKNOWN_SERVO_MODEL"


class PortError(HalError):
    """The serial port cannot be used.

    Reasons: PORT_MISSING, PORT_PERMISSION, PORT_BUSY (another process has it), PORT_LOST
    (unplugged), PORT_STUCK (the adaptor takes no more bytes), PORT_UNUSABLE (not a serial port, or
    not at that baud rate), PORT_CLOSED (used after close).
    """

    reason = "PORT_LOST"


class BusTimeoutError(HalError):
    """No answer of a servo within the deadline."""

    reason = "NO_STATUS"

    def __init__(self, message: str, *, servo_id: int) -> None:
        super().__init__(message)
        self.servo_id = servo_id


class BadStatusError(HalError):
    """An answer with a valid checksum but not of the requested length."""

    reason = "BAD_STATUS"

    def __init__(self, message: str, *, servo_id: int) -> None:
        super().__init__(message)
        self.servo_id = servo_id


class ServoStatusError(HalError):
    """The servo refused the instruction.

    Attributes:
        servo_id: which one.
        number: of its status: a `StatusErrorNumber`; a plain int where it is none of them.
        alert: its hardware error status is not zero.
    """

    reason = "STATUS_ERROR"

    def __init__(self, what: str, *, servo_id: int, error: int) -> None:
        self.servo_id = servo_id
        self.number = _number(error)
        self.alert = bool(error & ALERT)
        name = self.number.text if isinstance(self.number, StatusErrorNumber) else "unknown"
        alert = "; alert: read its hardware error status" if self.alert else ""
        super().__init__(
            f"servo {servo_id} refused {what}: {name} error (number {int(self.number)}){alert}"
        )


def _number(error: int) -> StatusErrorNumber | int:
    number = error & ~ALERT
    known = {member.value for member in StatusErrorNumber}
    return StatusErrorNumber(number) if number in known else number
