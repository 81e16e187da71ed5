"""Which servos answer on the bus: the robot's, others, and whether two share an id."""

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.errors import BadStatusError, BusTimeoutError, ServoStatusError
from hal.dynamixel.replies import Ping
from services.bring_up.readout import find_servo

PROBES = 4
SPOILED_MAX = 1  # noise may spoil one probe; two servos with one id spoil nearly all
_PROBE_ADDRESS, _PROBE_BYTES = 120, 27  # clock, load, position: no two servos agree in these


@dataclass(frozen=True, slots=True)
class Presence:
    """Who answered.

    Attributes:
        found: each servo that answered alone, by id; the robot's and others.
        missing: ids that were expected and did not answer.
        unexpected: ids that answered and were not expected.
        doubled: ids from which two answers came, or colliding ones.
    """

    found: dict[int, Ping]
    missing: tuple[int, ...]
    unexpected: tuple[int, ...]
    doubled: tuple[int, ...]


def look_for(bus: ServoBus, expected: Sequence[int]) -> Presence:
    """Broadcast a ping, then ping each of `expected` that has not answered.

    Raises:
        PortError: the port was lost.
    """
    everybody = bus.broadcast_ping()
    doubled = {i for i, n in Counter(p.servo_id for p in everybody).items() if n > 1}
    found = {ping.servo_id: ping for ping in everybody}
    for servo_id in expected:
        ping = found.get(servo_id) or _ping(bus, servo_id)
        if ping is not None:
            found[servo_id] = ping
    # Colliding answers to pings may all be broken; something damaged says that someone is there.
    doubled |= {i for i in expected if _collides(bus, i, i in found)}
    found = {i: ping for i, ping in sorted(found.items()) if i not in doubled}
    return Presence(
        found=found,
        missing=tuple(i for i in expected if i not in found and i not in doubled),
        unexpected=tuple(sorted(set(found) - set(expected))),
        doubled=tuple(sorted(doubled)),
    )


def _ping(bus: ServoBus, servo_id: int) -> Ping | None:
    try:
        return find_servo(bus, servo_id)
    except (BadStatusError, BusTimeoutError):
        return None


def _collides(bus: ServoBus, servo_id: int, is_there: bool) -> bool:
    """Whether answers arrive broken or twice, as those of two servos that share an id do."""
    spoiled = 0
    for probe in range(PROBES):
        before = _disturbances(bus)
        with contextlib.suppress(BadStatusError, BusTimeoutError, ServoStatusError):
            bus.read_block(servo_id, _PROBE_ADDRESS, _PROBE_BYTES)
        spoiled += _disturbances(bus) > before
        if not is_there and spoiled == 0 and probe == 0:
            return False  # silence is no collision
    return spoiled > SPOILED_MAX


def _disturbances(bus: ServoBus) -> int:
    counts = bus.counters
    return (
        counts.crc_errors
        + counts.skipped_bytes
        + counts.foreign_packets
        + counts.late_packets
        + counts.bad_statuses
    )
