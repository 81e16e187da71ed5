"""The answers of many servos to one packet, told apart.

This is the path of every control cycle. A servo that is mute, or whose answer was damaged, costs
the others nothing; since servos answer in the order in which they are listed, the wait ends with
the last of them and not at the deadline.
"""

from collections.abc import Mapping

from hal.dynamixel.link import Link
from hal.dynamixel.packet import BROADCAST_ID, STATUS_OVERHEAD_BYTES, stuffed_bytes
from hal.dynamixel.replies import SyncReply
from hal.dynamixel.status import ALERT

_FAST_HEAD_BYTES = 8  # up to the instruction
_FAST_OVERHEAD_BYTES = 4  # error, ID and checksum of each servo


def collect(
    link: Link, packet: bytes, lengths: Mapping[int, int], deadline_ns: int | None
) -> SyncReply:
    """Send `packet` and take one status of each servo.

    Args:
        lengths: bytes expected of each ID, in the order of the packet.
        deadline_ns: absolute; None: as long as the answers can take.

    Raises:
        PortError: the port was lost, is stuck or closed.
    """
    reply_bytes = [STATUS_OVERHEAD_BYTES + stuffed_bytes(length) for length in lengths.values()]
    if deadline_ns is None:
        deadline_ns = link.deadline_ns(len(packet), sum(reply_bytes), len(lengths))
    data: dict[int, bytes] = {}
    errors: dict[int, int] = {}
    foreign = 0
    if link.request(packet, deadline_ns):
        last = next(reversed(lengths))
        for status in link.statuses(deadline_ns, max(reply_bytes)):
            servo_id = status.servo_id
            if servo_id in errors or servo_id not in lengths:
                foreign += 1
                continue
            errors[servo_id] = status.error
            if len(status.parameters) == lengths[servo_id] and not status.error & ~ALERT:
                data[servo_id] = status.parameters
            elif not status.error & ~ALERT:
                link.counters.bad_statuses += 1
            if servo_id == last:
                break
    return _reply(link, lengths, data, errors, foreign)


def collect_fast(
    link: Link, packet: bytes, lengths: Mapping[int, int], deadline_ns: int | None
) -> SyncReply:
    """Send `packet` and take the one status that all servos write together.

    One mute servo breaks it for all: then every ID is missing, and a plain read tells which.

    Args and Raises: as `collect`.
    """
    reply_bytes = _FAST_HEAD_BYTES + sum(
        _FAST_OVERHEAD_BYTES + length for length in lengths.values()
    )
    if deadline_ns is None:
        deadline_ns = link.deadline_ns(len(packet), reply_bytes, len(lengths))
    data: dict[int, bytes] = {}
    errors: dict[int, int] = {}
    foreign = 0
    if link.request(packet, deadline_ns):
        for status in link.statuses(deadline_ns, reply_bytes):
            if status.servo_id != BROADCAST_ID:
                foreign += 1
            elif _split_fast(status.raw_body, lengths, data, errors):
                break
            else:
                link.counters.bad_statuses += 1
    return _reply(link, lengths, data, errors, foreign)


def _reply(
    link: Link,
    lengths: Mapping[int, int],
    data: dict[int, bytes],
    errors: dict[int, int],
    foreign: int,
) -> SyncReply:
    link.counters.foreign_packets += foreign
    if len(data) == len(lengths):
        return SyncReply(data, errors, (), foreign)
    missing = tuple(servo_id for servo_id in lengths if servo_id not in data)
    unanswered = sum(servo_id not in errors for servo_id in missing)
    if unanswered:
        link.missed(unanswered)
    return SyncReply(data, errors, missing, foreign)


def _split_fast(
    body: bytes, lengths: Mapping[int, int], data: dict[int, bytes], errors: dict[int, int]
) -> bool:
    """Take a fast status apart; False, and nothing taken, where it is not of the expected shape.

    Its checksum covers those of the servos before, so they need no check of their own.
    """
    if len(body) + 1 != sum(_FAST_OVERHEAD_BYTES + length for length in lengths.values()):
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
