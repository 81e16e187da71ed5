"""One tree of errors, each with a stable reason that callers branch on instead of the message."""

from typing import ClassVar


class ReasonedError(Exception):
    """The root of this project's errors.

    Args:
        message: the thing at fault, its value, its limit and what would be right.
        reason: where the class does not say it.

    Attributes:
        reason: SCREAMING_SNAKE_CASE, stable across releases.
        shows_reason: whether the error as text begins with its reason.
    """

    reason: str = "INTERNAL"
    shows_reason: ClassVar[bool] = False

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if reason is not None:
            self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}" if self.shows_reason else self.message


class HalError(ReasonedError):
    """A robot, its model or a command is not usable."""

    reason = "HAL_ERROR"


class LifecycleError(HalError):
    """A call or transition that the present lifecycle state does not allow."""

    reason = "WRONG_LIFECYCLE"


class RobotReadError(HalError):
    """A measurement could not be taken."""

    reason = "READ_FAILED"


class RobotWriteError(HalError):
    """A command could not be delivered or carried out."""

    reason = "WRITE_FAILED"


class CommandError(HalError):
    """A command or reset target of the wrong shape, not finite or outside its limits."""

    reason = "COMMAND_INVALID"


class AssetError(HalError):
    """A robot description is missing or malformed."""

    reason = "ASSET_MISSING"


class UnknownRobotError(HalError):
    """No robot model of that name."""

    reason = "UNKNOWN_ROBOT"


class TrackerError(HalError):
    """A tracking system cannot be reached, or has no such body."""

    reason = "TRACKER_FAILED"
