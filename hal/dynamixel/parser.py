"""Bytes as they arrive, in any pieces and with any noise between, to whole packets.

Nothing is taken that has not passed its checksum. After damage the search goes on at the very next
header, so that one broken packet costs no other, and never more than one packet is kept in memory.
"""

from hal.dynamixel.crc import crc16
from hal.dynamixel.packet import (
    BROADCAST_ID,
    HEAD_BYTES,
    HEADER,
    MAX_PACKET_BYTES,
    MAX_SERVO_ID,
    Instruction,
    Packet,
    unstuff,
)

_STATUS = int(Instruction.STATUS)
_MIN_LENGTH = 3  # instruction and checksum
_MIN_STATUS_LENGTH = 4
_STUFFED_MARK = b"\xff\xff\xfd\xfd"


class PacketParser:
    """Incremental: feed it what came, get the packets that are complete.

    Args:
        max_packet_bytes: a header that announces more is taken for noise.

    Attributes:
        crc_errors: packets dropped since their checksum was wrong.
        skipped_bytes: bytes that belonged to no valid packet.
    """

    def __init__(self, max_packet_bytes: int = MAX_PACKET_BYTES) -> None:
        self.max_packet_bytes = max_packet_bytes
        self.crc_errors = 0
        self.skipped_bytes = 0
        self._buffer = b""

    @property
    def pending_bytes(self) -> int:
        """Bytes of a packet that is not complete."""
        return len(self._buffer)

    def clear(self) -> None:
        """Forget an incomplete packet."""
        self.skipped_bytes += len(self._buffer)
        self._buffer = b""

    def feed(self, data: bytes) -> list[Packet]:
        """Packets that `data` completes, in order."""
        self._buffer = self._buffer + data if self._buffer else bytes(data)
        return self._take()

    def finish(self) -> list[Packet]:
        """Say that no more comes: packets that an incomplete one was hiding; nothing is kept."""
        packets: list[Packet] = []
        while self._buffer:
            self._drop(min(len(HEADER), len(self._buffer)))
            packets += self._take()
        return packets

    def _drop(self, count: int) -> None:
        self.skipped_bytes += count
        self._buffer = self._buffer[count:]

    def _take(self) -> list[Packet]:
        packets: list[Packet] = []
        buffer, at = self._buffer, 0
        while True:
            start = buffer.find(HEADER, at)
            if start < 0:
                start = max(at, len(buffer) - _header_tail(buffer))
                self.skipped_bytes += start - at
                break
            self.skipped_bytes += start - at
            end = self._end(buffer, start)
            if end is None:
                break
            packet = self._packet(buffer, start, end) if end else None
            if packet is not None:
                packets.append(packet)
                at = end
            else:
                at = start + len(HEADER)
                self.skipped_bytes += len(HEADER)
        self._buffer = buffer[start:]
        return packets

    def _end(self, buffer: bytes, start: int) -> int | None:
        """Where the packet at `start` ends; 0 if it is none; None if more bytes are needed."""
        if len(buffer) - start <= HEAD_BYTES:
            return None if _plausible_id(buffer, start) else 0
        length = buffer[start + 5] | buffer[start + 6] << 8
        status = buffer[start + HEAD_BYTES] == _STATUS
        least = _MIN_STATUS_LENGTH if status else _MIN_LENGTH
        most = self.max_packet_bytes - HEAD_BYTES
        if not (least <= length <= most and _plausible_id(buffer, start)):
            return 0
        end = start + HEAD_BYTES + length
        complete = end <= len(buffer)
        # Stuffing keeps headers out of bodies: another one means that this packet was cut short.
        # Only hosts that leave stuffing out are forgiven, where the checksum can still tell, and
        # the answers to fast reads, which have none.
        forgiven = complete if not status else buffer[start + 4] == BROADCAST_ID
        if not forgiven and buffer.find(HEADER, start + HEAD_BYTES, end - 2) >= 0:
            return 0
        return end if complete else None

    def _packet(self, buffer: bytes, start: int, end: int) -> Packet | None:
        crc = buffer[end - 2] | buffer[end - 1] << 8
        if crc16(buffer[start : end - 2]) != crc:
            self.crc_errors += 1
            return None
        servo_id = buffer[start + 4]
        raw = buffer[start + HEAD_BYTES : end - 2]
        status = raw[0] == _STATUS
        body = raw
        if _STUFFED_MARK in raw and not (status and servo_id == BROADCAST_ID):
            body = unstuff(raw)
        return Packet(servo_id, raw[0], body[2:] if status else body[1:], raw)


def _plausible_id(buffer: bytes, start: int) -> bool:
    """Whether the ID after the header at `start` exists, or has not come yet."""
    if len(buffer) - start < 5:
        return True
    servo_id = buffer[start + 4]
    return servo_id <= MAX_SERVO_ID or servo_id == BROADCAST_ID


def _header_tail(buffer: bytes) -> int:
    """How many bytes at the end may be the beginning of a header."""
    for count in (3, 2, 1):
        if buffer.endswith(HEADER[:count]):
            return count
    return 0
