"""Packets of Dynamixel Protocol 2.0 as bytes, both ways.

The maker's Python client leaves byte stuffing out when it sends and loses bytes when it removes it,
so a goal that happens to contain the header's bytes goes out wrong. Here both are exact, and the
same code serves the host and the simulated servos.

    FF FF FD 00 | ID | LEN_L LEN_H | INST | parameters | CRC_L CRC_H

Source: ROBOTIS e-Manual, Protocol 2.0.
"""

from dataclasses import dataclass
from enum import IntEnum

from hal.dynamixel.crc import crc16
from hal.dynamixel.errors import ProtocolError

HEADER = b"\xff\xff\xfd\x00"
BROADCAST_ID = 0xFE
MAX_SERVO_ID = 252
MAX_PACKET_BYTES = 1024
HEAD_BYTES = 7  # header, ID and length
INSTRUCTION_OVERHEAD_BYTES = 10
STATUS_OVERHEAD_BYTES = 11

_ADDRESS_MAX = 0xFFFF

_MARK = b"\xff\xff\xfd"
_STUFFED_MARK = b"\xff\xff\xfd\xfd"


class Instruction(IntEnum):
    """Instruction of a packet; one value marks an answer."""

    PING = 0x01
    READ = 0x02
    WRITE = 0x03
    REG_WRITE = 0x04
    ACTION = 0x05
    FACTORY_RESET = 0x06
    REBOOT = 0x08
    CLEAR = 0x10
    BACKUP = 0x20
    STATUS = 0x55
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83
    FAST_SYNC_READ = 0x8A
    BULK_READ = 0x92
    BULK_WRITE = 0x93
    FAST_BULK_READ = 0x9A


_STATUS = 0x55


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet whose checksum was right.

    Attributes:
        servo_id: 0 to 252, or `BROADCAST_ID`.
        instruction: an `Instruction`, or a number that is none.
        parameters: stuffing removed; of a status, what follows the error byte.
        raw_body: from the instruction to the last parameter as on the wire. The answer to a fast
            read is never stuffed and is to be taken from here.
    """

    servo_id: int
    instruction: int
    parameters: bytes
    raw_body: bytes

    @property
    def is_status(self) -> bool:
        """Whether it comes from a servo."""
        return self.instruction == _STATUS

    @property
    def error(self) -> int:
        """Error byte of a status; 0 for an instruction."""
        return self.raw_body[1] if self.instruction == _STATUS else 0


def stuff(body: bytes) -> bytes:
    """Add a byte FD after each FF FF FD, so that no body looks like a header."""
    return body.replace(_MARK, _STUFFED_MARK)


def unstuff(body: bytes) -> bytes:
    """Undo `stuff`."""
    return body.replace(_STUFFED_MARK, _MARK)


def stuffed_bytes(length: int) -> int:
    """Most bytes that `length` bytes can become by stuffing."""
    return length + length // 3 + 1


def span_bytes(address: int, length: int) -> bytes:
    """Address and length as packets carry them.

    Raises:
        ProtocolError: outside what an address can be.
    """
    if not (address >= 0 and length >= 1 and address + length <= _ADDRESS_MAX):
        raise ProtocolError(
            f"{length} bytes from address {address}: expected at least one, below {_ADDRESS_MAX}"
        )
    return address.to_bytes(2, "little") + length.to_bytes(2, "little")


def encode_instruction(servo_id: int, instruction: int, parameters: bytes = b"") -> bytes:
    """An instruction packet to `servo_id`; stuffed, with checksum.

    Raises:
        ProtocolError: an ID, instruction or length that the protocol has not.
    """
    if not 0 <= instruction <= 0xFF:
        raise ProtocolError(f"instruction {instruction}: expected 0 to 255")
    return _encode(servo_id, bytes((instruction,)) + parameters)


def encode_status(servo_id: int, error: int, parameters: bytes = b"") -> bytes:
    """The packet by which a servo answers; stuffed, with checksum.

    Raises:
        ProtocolError: an ID, error byte or length that the protocol has not.
    """
    if not 0 <= error <= 0xFF:
        raise ProtocolError(f"error byte {error}: expected 0 to 255")
    return _encode(servo_id, bytes((_STATUS, error)) + parameters)


def _encode(servo_id: int, body: bytes) -> bytes:
    if not (0 <= servo_id <= MAX_SERVO_ID or servo_id == BROADCAST_ID):
        raise ProtocolError(
            f"servo ID {servo_id}: expected 0 to {MAX_SERVO_ID}, or {BROADCAST_ID} for all"
        )
    if _MARK in body:
        body = stuff(body)
    length = len(body) + 2
    if length + HEAD_BYTES > MAX_PACKET_BYTES:
        raise ProtocolError(
            f"a packet of {length + HEAD_BYTES} bytes: expected at most {MAX_PACKET_BYTES};"
            " send it in parts"
        )
    packet = b"%b%c%c%c%b" % (HEADER, servo_id, length & 0xFF, length >> 8, body)
    return packet + crc16(packet).to_bytes(2, "little")
