"""The part of each servo in instructions that address several servos."""

from collections.abc import Iterator
from dataclasses import dataclass

from hal.dynamixel.packet import BROADCAST_ID, Packet


@dataclass(frozen=True, slots=True)
class Part:
    """One servo's share of an instruction.

    Attributes:
        length: bytes to read; of a write, those in `data`.
        data: bytes to write.
    """

    servo_id: int
    address: int
    length: int
    data: bytes = b""


def sync_read_parts(packet: Packet) -> list[Part]:
    """Shares of a (fast) sync read; none of a packet that servos would ignore."""
    head, ids = packet.parameters[:4], packet.parameters[4:]
    if packet.servo_id != BROADCAST_ID or not ids:
        return []
    address, length = _words(head)
    return _each_once(Part(servo_id, address, length) for servo_id in ids)


def bulk_read_parts(packet: Packet) -> list[Part]:
    """Shares of a (fast) bulk read."""
    if packet.servo_id != BROADCAST_ID or len(packet.parameters) % 5:
        return []
    entries = [packet.parameters[i : i + 5] for i in range(0, len(packet.parameters), 5)]
    return _each_once(Part(entry[0], *_words(entry[1:])) for entry in entries)


def sync_write_parts(packet: Packet) -> list[Part]:
    """Shares of a sync write."""
    head, entries = packet.parameters[:4], packet.parameters[4:]
    if packet.servo_id != BROADCAST_ID or len(head) < 4:
        return []
    address, length = _words(head)
    size = 1 + length
    if len(entries) % size:
        return []
    starts = range(0, len(entries), size)
    return [Part(entries[i], address, length, entries[i + 1 : i + size]) for i in starts]


def bulk_write_parts(packet: Packet) -> list[Part]:
    """Shares of a bulk write, up to the first that is cut off."""
    if packet.servo_id != BROADCAST_ID:
        return []
    parts: list[Part] = []
    rest = packet.parameters
    while len(rest) >= 5:
        address, length = _words(rest[1:5])
        data = rest[5 : 5 + length]
        if len(data) < length:
            break
        parts.append(Part(rest[0], address, length, data))
        rest = rest[5 + length :]
    return parts


def _words(data: bytes) -> tuple[int, int]:
    """Address and length, two little-endian words."""
    return int.from_bytes(data[:2], "little"), int.from_bytes(data[2:4], "little")


def _each_once(parts: Iterator[Part]) -> list[Part]:
    """A servo named twice answers the first time only."""
    found: dict[int, Part] = {}
    for part in parts:
        found.setdefault(part.servo_id, part)
    return list(found.values())
