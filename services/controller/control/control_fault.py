"""The one exception that makes the loop stop the robot and latch FAULT."""


class ControlFaultError(Exception):
    """The robot must be stopped.

    Attributes:
        reason: stable SCREAMING_SNAKE_CASE code.
        message: the thing, its value, its limit.
        controlled: whether holding and ramping is still possible; otherwise torque goes off now.
    """

    def __init__(self, reason: str, message: str, *, controlled: bool = True) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.controlled = controlled
