"""How one check runs over all servos: those with the same complaint share a line."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from services.bring_up.finding import Finding, Level, ids, ok
from services.bring_up.readout import Readout
from services.bring_up.target import Target

VALUES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with one servo.

    Attributes:
        level: WARN or FAIL.
        text: what it is and what follows from it; servos of which the same is to be said share a
            line.
        remedy: what to type or do about it; JOINT stands for the joint's name.
        value: what this one servo has, where that differs between servos.
    """

    level: Level
    text: str
    remedy: str
    value: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Check:
    """One question to every servo.

    Attributes:
        subject: of its findings.
        judge: the complaint about one servo, None when it is as it should be.
        good: what to say when there is no complaint at all.
    """

    subject: str
    judge: Callable[[Readout, Target], Complaint | None]
    good: Callable[[Sequence[Readout]], str]


def run_check(check: Check, readouts: Sequence[Readout], target: Target) -> list[Finding]:
    """One finding for each kind of complaint, or one that says that all is well."""
    blamed: dict[Complaint, dict[int, str]] = {}
    for readout in readouts:
        complaint = check.judge(readout, target)
        if complaint is not None:
            blamed.setdefault(complaint, {})[readout.servo_id] = complaint.value
    if not blamed:
        return [ok(check.subject, check.good(readouts))]
    return [
        Finding(
            complaint.level,
            check.subject,
            f"{_who(values, target)}: {_what(complaint, values)}",
            _remedy(complaint, values, target),
        )
        for complaint, values in blamed.items()
    ]


def _remedy(complaint: Complaint, servo_ids: Collection[int], target: Target) -> str:
    """With one servo, its joint in place of JOINT."""
    if len(servo_ids) > 1:
        return complaint.remedy
    return complaint.remedy.replace("JOINT", target.name_of(next(iter(servo_ids))))


def _what(complaint: Complaint, values: Mapping[int, str]) -> str:
    """One value, or those of the first few servos."""
    if not complaint.value:
        return complaint.text
    shown = [f"{i}: {value}" for i, value in values.items()]
    more = [f"{len(shown) - VALUES_SHOWN} more"] if len(shown) > VALUES_SHOWN else []
    if len(shown) == 1:
        return f"{complaint.value}; {complaint.text}"
    return f"{complaint.text} ({'; '.join(shown[:VALUES_SHOWN] + more)})"


def _who(servo_ids: Collection[int], target: Target) -> str:
    """One servo with its joint, several by their ids, all as such."""
    if len(servo_ids) == 1:
        name = target.name_of(next(iter(servo_ids)))
        return f"{ids(servo_ids)} ({name})" if name else ids(servo_ids)
    if len(servo_ids) == len(target.servos):
        return f"all {len(servo_ids)} servos"
    return ids(servo_ids)
