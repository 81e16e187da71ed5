"""The checksum of Dynamixel Protocol 2.0 packets.

Python has no built-in for this polynomial. One table of 256 entries stays in the cache of a core
that does other work between two control cycles; a table for two bytes at a time does not.
"""

_POLYNOMIAL = 0x8005


def _table() -> tuple[int, ...]:
    """Remainder of each byte followed by 16 zero bits."""
    remainders: list[int] = []
    for byte in range(256):
        remainder = byte << 8
        for _ in range(8):
            carry = remainder & 0x8000
            remainder = (remainder << 1) & 0xFFFF
            if carry:
                remainder ^= _POLYNOMIAL
        remainders.append(remainder)
    return tuple(remainders)


_TABLE = _table()


def crc16(data: bytes | bytearray | memoryview, crc: int = 0) -> int:
    """CRC-16 with x^16 + x^15 + x^2 + 1, no reflection, no final inversion.

    Args:
        data: bytes, first sent first.
        crc: of what came before; 0 at the start of a packet.

    Returns:
        0 to 0xFFFF; a packet carries the low byte first.

    Source: ROBOTIS e-Manual, Protocol 2.0, CRC. Of the string "123456789" it is 0xFEE8.
    """
    table = _TABLE
    for byte in data:
        crc = ((crc << 8) & 0xFF00) ^ table[(crc >> 8) ^ byte]
    return crc
