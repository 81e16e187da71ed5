"""What a control process, or its channel, refuses with."""


class ControlError(Exception):
    """The control process refused, is gone, or did not answer.

    Attributes:
        reason: SCREAMING_SNAKE_CASE; CONTROL_GONE and CONTROL_SILENT are the channel's own.
        message: in words.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
