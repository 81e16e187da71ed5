"""A probe whose answer arrives after all outstanding ones: servos answer in order of requests.

It must be distinguishable itself: a read from the start of the table, of a length that no
outstanding answer of the servo has; answers to pings are all alike.
"""

from hal.dynamixel.link import Link
from hal.dynamixel.packet import (
    STATUS_OVERHEAD_BYTES,
    Instruction,
    encode_instruction,
    span_bytes,
    stuffed_bytes,
)
from hal.dynamixel.status import ALERT

_ADDRESS = 0
_LENGTHS = range(
    14, 5, -1
)  # each ends with a register of every table; the first is the last resort


def settle(link: Link, servo_id: int, source: int, deadline_ns: int | None) -> bool:
    """Wait until all outstanding answers have arrived; False if the servo does not answer.

    Args:
        servo_id: to probe.
        source: whose answers are meant: the servo's own, or the common ones that it completes.
        deadline_ns: absolute; None: as long as the answer can take.

    Raises:
        PortError: the port was lost, is stuck or closed.
    """
    length = next((n for n in _LENGTHS if not link.owed.has(servo_id, n)), _LENGTHS[0])
    span = span_bytes(_ADDRESS, length)
    packet = encode_instruction(servo_id, Instruction.READ, span)
    reply_bytes = STATUS_OVERHEAD_BYTES + stuffed_bytes(length)
    until_ns = link.deadline_ns(len(packet), reply_bytes)
    if deadline_ns is not None:
        until_ns = min(until_ns, deadline_ns)
    if link.request(packet, until_ns):
        for status in link.statuses(until_ns, reply_bytes):
            if status.servo_id not in (servo_id, source):
                link.is_foreign(status)
            elif len(status.parameters) == length and not status.error & ~ALERT:
                link.owed.forget(servo_id)
                link.owed.forget(source)
                return True
            else:
                link.counters.late_packets += 1
    link.missed(servo_id, length, span)
    return False
