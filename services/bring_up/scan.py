"""Which servos answer at which baud rate; nothing is ever written."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hal.description import SERVO_ID_MAX
from hal.dynamixel.bus import ServoBus
from hal.dynamixel.errors import BadStatusError, BusTimeoutError
from hal.dynamixel.replies import Ping
from services.bring_up.readout import PING_TIMEOUT_S
from services.bring_up.session import opened_bus

SCAN_BAUD_RATES = (57_600, 1_000_000, 2_000_000, 3_000_000, 4_000_000)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A servo that answered at a baud rate."""

    baud_rate: int
    servo_id: int
    model_number: int
    firmware: int


def scan(
    port: str, baud_rates: Iterable[int], *, thorough: bool = False, say: Say | None = None
) -> list[Sighting]:
    """Every servo that answers.

    Args:
        port: serial device.
        baud_rates: tried one after the other, a second each.
        thorough: also ping each id by itself, which finds servos whose answers to a broadcast
            collide; 15 s for each baud rate.
        say: told of each baud rate before it is tried.

    Raises:
        PortError: the port cannot be used.
    """
    sightings = []
    for baud_rate in baud_rates:
        if say:
            say(f"asking at {baud_rate} baud")
        with opened_bus(port, baud_rate) as bus:
            pings = list(bus.broadcast_ping())
            if thorough:
                known = {p.servo_id for p in pings}
                pings += _each_id(bus, [i for i in range(SERVO_ID_MAX + 1) if i not in known])
        found = [Sighting(baud_rate, p.servo_id, p.model_number, p.firmware) for p in pings]
        sightings += sorted(found, key=lambda s: s.servo_id)
    return sightings


def _each_id(bus: ServoBus, servo_ids: Iterable[int]) -> list[Ping]:
    found = []
    for servo_id in servo_ids:
        try:
            found.append(bus.ping(servo_id, PING_TIMEOUT_S))
        except (BadStatusError, BusTimeoutError):
            continue
    return found
