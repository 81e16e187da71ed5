"""The faults that are in force, and what they do to answers and measurements."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf

from hal.dynamixel.packet import BROADCAST_ID, encode_status
from hal.dynamixel.parser import PacketParser
from sim.servo_bus.answer import Answer
from sim.servo_bus.fault_kinds import ANSWER_KINDS, SAMPLE_KINDS, InjectedFault

_SECOND_NS = 1_000_000_000
# An error byte and no data.
_ALERT = 0x80


@dataclass(slots=True)
class ActiveFault:
    """A fault in force: until when, and how often it has still to strike."""

    fault: InjectedFault
    until_ns: float
    left: float
    struck: int = 0

    def concerns(self, servo_id: int) -> bool:
        """Whether it befalls the servo `servo_id`."""
        return self.fault.servo_id in (None, servo_id)


class FaultInjector:
    """All faults in force, oldest first.

    Args:
        seed: the same seed and the same traffic give the same faults.
    """

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self._active: list[ActiveFault] = []

    def add(self, fault: InjectedFault, now_ns: int) -> None:
        """Put a fault in force."""
        until_ns = inf if fault.duration_s == inf else now_ns + fault.duration_s * _SECOND_NS
        self._active.append(ActiveFault(fault, until_ns, fault.count))

    def clear(self) -> None:
        """Lift all faults."""
        self._active.clear()

    def expire(self, now_ns: int) -> bool:
        """Lift those whose time or count is over; True when there were any."""
        kept = [one for one in self._active if one.until_ns > now_ns and one.left > 0]
        ended = len(kept) < len(self._active)
        self._active = kept
        return ended

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in force."""
        return not self._active

    @property
    def next_end_ns(self) -> float:
        """When the next fault ends by time; infinity for none."""
        return min((one.until_ns for one in self._active), default=inf)

    def in_force(self, kind: str) -> list[InjectedFault]:
        """The faults of a kind."""
        return [one.fault for one in self._active if one.fault.kind == kind]

    def befalls(self, kind: str, servo_id: int) -> bool:
        """Whether a state of servo `servo_id` is in force."""
        return any(one.fault.kind == kind and one.concerns(servo_id) for one in self._active)

    def strikes(self, kind: str, servo_id: int) -> bool:
        """The same for faults with a count: an opportunity for each of them to strike."""
        found = self._striking(servo_id, (kind,))
        return bool(list(found))

    def describe(self) -> list[dict[str, object]]:
        """What is in force, as JSON values."""
        return [
            {
                "fault": one.fault.kind,
                "id": one.fault.servo_id,
                "left": None if one.left == inf else one.left,
                "struck": one.struck,
                **one.fault.values,
                **one.fault.words,
            }
            for one in self._active
        ]

    def distort(self, answer: Answer) -> list[Answer]:
        """What becomes of an answer on its way."""
        answers = [answer]
        for fault in self._striking(answer.servo_id, tuple(ANSWER_KINDS)):
            answers = [
                changed for one in answers for changed in _distorted(one, fault, self.random)
            ]
        return answers

    def samples(self, servo_id: int) -> list[InjectedFault]:
        """The faults of this one measurement of servo `servo_id`."""
        if not self._active:
            return []
        return list(self._striking(servo_id, tuple(SAMPLE_KINDS)))

    def _striking(self, servo_id: int, kinds: tuple[str, ...]) -> Iterator[InjectedFault]:
        for one in self._active:
            if one.fault.kind not in kinds or not one.concerns(servo_id) or one.left <= 0:
                continue
            if self.random.random() < one.fault.probability:
                one.left -= 1
                one.struck += 1
                yield one.fault


def _distorted(answer: Answer, fault: InjectedFault, chance: random.Random) -> list[Answer]:
    value = fault.values
    match fault.kind:
        case "drop":
            return [replace(answer, is_lost=True)]
        case "delay":
            delay_ns = int(value["delay_s"] * _SECOND_NS)
            return [replace(answer, gap_ns=answer.gap_ns + delay_ns)]
        case "late":
            return [replace(answer, late_ns=int(value["delay_s"] * _SECOND_NS))]
        case "duplicate":
            return [answer, replace(answer, gap_ns=0)]
        case "flip":
            return [replace(answer, data=_flipped(answer.data, int(value["bits"]), chance))]
        case "truncate":
            return [replace(answer, data=answer.data[: -int(value["bytes"])])]
        case "garbage":
            noise = chance.randbytes(int(value["bytes"]))
            return [replace(answer, data=noise + answer.data)]
        case "foreign":
            other = encode_status(int(value["foreign_id"]), 0, b"\0\0\0\0")
            return [replace(answer, data=other), replace(answer, gap_ns=0)]
        case _:
            return [_misshapen(answer, fault)]


def _flipped(data: bytes, bits: int, chance: random.Random) -> bytes:
    flipped = bytearray(data)
    for bit in chance.sample(range(8 * len(data)), min(bits, 8 * len(data))):
        flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


def _misshapen(answer: Answer, fault: InjectedFault) -> Answer:
    """A valid status that is not what was asked for; a part of a fast read stays as it is."""
    packets = PacketParser().feed(answer.data)
    if len(packets) != 1 or packets[0].servo_id == BROADCAST_ID:
        return answer
    error, parameters = packets[0].error, packets[0].parameters
    if fault.kind == "error_status":
        error = (error & _ALERT) | int(fault.values["number"])
        return replace(answer, data=encode_status(answer.servo_id, error, b""))
    extra = int(fault.values["bytes"])
    parameters = parameters + bytes(extra) if extra > 0 else parameters[:extra]
    return replace(answer, data=encode_status(answer.servo_id, error, parameters))
