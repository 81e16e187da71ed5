"""Collects the answers of many servos to one packet.

This is the path of every control cycle. A servo that is silent, or whose answer was damaged, costs
the others nothing; since servos answer in the order in which they are listed, the wait ends with
the last of them and not at the deadline.
"""

from collections.abc import Mapping

from hal.dynamixel.group_packets import GroupRead
from hal.dynamixel.link import Link
from hal.dynamixel.packet import BROADCAST_ID, STATUS_OVERHEAD_BYTES, stuffed_bytes
from hal.dynamixel.replies import SyncReply
from hal.dynamixel.settle import settle
from hal.dynamixel.status import ALERT

_FAST_HEAD_BYTES = 8  # up to the instruction
_FAST_OVERHEAD_BYTES = 4  # error, ID and checksum of each servo


def collect(link: Link, request: GroupRead, deadline_ns: int | None) -> SyncReply:
    """Ask, and take what comes; a servo without data is no error.

    Args:
        deadline_ns: absolute; None: as long as the answers can take.

    Raises:
        PortError: the port was lost, is stuck or closed.
    """
    everyone = request.lengths
    uncertain = _uncertain(link, request, deadline_ns) if link.owed else ()
    data: dict[int, bytes] = {}
    errors: dict[int, int] = {}
    foreign = 0
    if len(uncertain) < len(everyone):
        asked = request.without(uncertain) if uncertain else request
        take = _take_common if request.fast else _take_each
        foreign = take(link, asked, deadline_ns, data, errors)
    missing = tuple(servo_id for servo_id in everyone if servo_id not in data)
    return SyncReply(data, errors, missing, foreign)


def _uncertain(link: Link, request: GroupRead, deadline_ns: int | None) -> tuple[int, ...]:
    """Servos that owe an answer which could pass for the one to this request, and give no sign."""
    if request.fast:
        last = next(reversed(request.lengths))
        owes = link.owed.confuses(BROADCAST_ID, _common_bytes(request), request.packet)
        settled = not owes or settle(link, last, BROADCAST_ID, deadline_ns)
        return () if settled else tuple(request.lengths)
    return tuple(
        servo_id
        for servo_id, length in request.lengths.items()
        if link.owed.confuses(servo_id, length, request.spans[servo_id])
        and not settle(link, servo_id, servo_id, deadline_ns)
    )


def _take_each(
    link: Link,
    request: GroupRead,
    deadline_ns: int | None,
    data: dict[int, bytes],
    errors: dict[int, int],
) -> int:
    """One status of each servo into `data` and `errors`; packets that were none of them."""
    lengths, packet, foreign = request.lengths, request.packet, 0
    longest = STATUS_OVERHEAD_BYTES + stuffed_bytes(max(lengths.values()))
    if deadline_ns is None:
        deadline_ns = link.deadline_ns(len(packet), longest * len(lengths), len(lengths))
    if link.request(packet, deadline_ns):
        last = next(reversed(lengths))
        for status in link.statuses(deadline_ns, longest):
            servo_id = status.servo_id
            if servo_id in errors or servo_id not in lengths:
                foreign += link.is_foreign(status)
                continue
            errors[servo_id] = status.error
            if not status.error & ~ALERT:
                if len(status.parameters) == lengths[servo_id]:
                    data[servo_id] = status.parameters
                else:
                    link.counters.bad_statuses += 1
            if servo_id == last:
                break
    if len(errors) < len(lengths):
        for servo_id in lengths.keys() - errors.keys():
            link.missed(servo_id, lengths[servo_id], request.spans[servo_id])
    return foreign


def _take_common(
    link: Link,
    request: GroupRead,
    deadline_ns: int | None,
    data: dict[int, bytes],
    errors: dict[int, int],
) -> int:
    """The one status that all servos write together; packets that were not it.

    One silent servo breaks it for all: then every ID is missing, and a plain read shows which.
    """
    foreign, length = 0, _common_bytes(request)
    if deadline_ns is None:
        replies = len(request.lengths)
        deadline_ns = link.deadline_ns(len(request.packet), _FAST_HEAD_BYTES + length, replies)
    if link.request(request.packet, deadline_ns):
        for status in link.statuses(deadline_ns, _FAST_HEAD_BYTES + length):
            if status.servo_id != BROADCAST_ID:
                foreign += link.is_foreign(status)
            elif _split(status.raw_body, length, request.lengths, data, errors):
                return foreign
            else:
                link.counters.bad_statuses += 1
    link.missed(BROADCAST_ID, length, request.packet)
    return foreign


def _common_bytes(request: GroupRead) -> int:
    return sum(_FAST_OVERHEAD_BYTES + length for length in request.lengths.values())


def _split(
    body: bytes,
    expected_bytes: int,
    lengths: Mapping[int, int],
    data: dict[int, bytes],
    errors: dict[int, int],
) -> bool:
    """Take a common status apart; False, and nothing taken, where it is not of this shape.

    Its checksum covers those of the servos before, so they need no check of their own.
    """
    if len(body) + 1 != expected_bytes:
        return False
    at = 1
    parts: dict[int, tuple[int, bytes]] = {}
    for servo_id, length in lengths.items():
        if body[at + 1] != servo_id:
            return False
        parts[servo_id] = body[at], body[at + 2 : at + 2 + length]
        at += _FAST_OVERHEAD_BYTES + length
    for servo_id, (error, values) in parts.items():
        errors[servo_id] = error
        if not error & ~ALERT:
            data[servo_id] = values
    return True
