"""The checksum against its published check value, its definition and the maker's own code."""

import dynamixel_sdk
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.dynamixel.crc import crc16


def bitwise(data: bytes) -> int:
    """Polynomial division as the definition has it."""
    remainder = 0
    for bit in (byte >> shift & 1 for byte in data for shift in range(7, -1, -1)):
        carry = remainder >> 15 ^ bit
        remainder = (remainder << 1 & 0xFFFF) ^ (0x8005 if carry else 0)
    return remainder


def test_published_check_value():
    assert crc16(b"123456789") == 0xFEE8


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_takes_any_kind_of_bytes(kind):
    assert crc16(kind(b"123456789")) == 0xFEE8


@given(st.binary(max_size=300))
def test_equals_its_definition(data):
    assert crc16(data) == bitwise(data)


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_continues_where_it_stopped(first, second):
    assert crc16(second, crc16(first)) == crc16(first + second)


@given(st.binary(min_size=1, max_size=200))
def test_equals_the_makers(data):
    handler = dynamixel_sdk.Protocol2PacketHandler()
    assert crc16(data) == handler.updateCRC(0, list(data), len(data))
