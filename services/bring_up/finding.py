"""What a look at the robot found: how bad it is, and what an operator types about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is, from best to worst."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


_ORDER = tuple(Level)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a report.

    Attributes:
        level: with a FAIL the controller refuses to move; WARN works, but worse than it could.
        subject: what was looked at, two words at most; stable, for programs.
        message: what was found, with its value and its limit.
        remedy: what to type or do about it; empty only where nothing is to be done.
    """

    level: Level
    subject: str
    message: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.level is not Level.OK and not self.remedy:
            raise ValueError(f"{self.subject}: a finding that is not ok needs a remedy")

    def plain(self) -> dict[str, str]:
        """For JSON."""
        return {
            "level": self.level.value,
            "subject": self.subject,
            "message": self.message,
            "remedy": self.remedy,
        }


def ok(subject: str, message: str) -> Finding:
    """As it should be."""
    return Finding(Level.OK, subject, message)


def warn(subject: str, message: str, remedy: str) -> Finding:
    """Usable, but not as it should be."""
    return Finding(Level.WARN, subject, message, remedy)


def fail(subject: str, message: str, remedy: str) -> Finding:
    """The robot must not or cannot be moved like this."""
    return Finding(Level.FAIL, subject, message, remedy)


def worst(findings: Iterable[Finding]) -> Level:
    """The worst level among `findings`; OK when there are none."""
    return max((f.level for f in findings), key=_ORDER.index, default=Level.OK)


def count(findings: Sequence[Finding], level: Level) -> int:
    """How many are at `level`."""
    return sum(f.level is level for f in findings)


def ids(servo_ids: Iterable[int]) -> str:
    """Servo ids as people read them: "servo 10", "servos 10, 11 and 12"."""
    shown = [str(i) for i in sorted(set(servo_ids))]
    if len(shown) == 1:
        return f"servo {shown[0]}"
    return f"servos {', '.join(shown[:-1])} and {shown[-1]}" if shown else "no servo"
