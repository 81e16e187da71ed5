"""The one exception that makes the loop stop the robot and latch FAULT."""

from hal.errors import ReasonedError


class ControlFaultError(ReasonedError):
    """The robot must be stopped.

    Attributes:
        controlled: whether holding and ramping is still possible; otherwise torque goes off now.
    """

    shows_reason = True

    def __init__(self, reason: str, message: str, *, controlled: bool = True) -> None:
        super().__init__(message, reason=reason)
        self.controlled = controlled
