"""What each servo is asked for by an instruction to several."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.dynamixel.packet import BROADCAST_ID, Packet
from sim.servo_bus.requests import (
    Part,
    bulk_read_parts,
    bulk_write_parts,
    sync_read_parts,
    sync_write_parts,
)

SPLITTERS = (sync_read_parts, sync_write_parts, bulk_read_parts, bulk_write_parts)


def packet(parameters: bytes, servo_id: int = BROADCAST_ID) -> Packet:
    return Packet(servo_id, 0, parameters, b"\0" + parameters)


def test_a_servo_named_twice_answers_once():
    assert sync_read_parts(packet(bytes((132, 0, 4, 0, 1, 2, 1)))) == [
        Part(1, 132, 4),
        Part(2, 132, 4),
    ]
    assert bulk_read_parts(packet(bytes((1, 132, 0, 4, 0, 1, 126, 0, 2, 0)))) == [Part(1, 132, 4)]


def test_writes_carry_their_data():
    assert sync_write_parts(packet(bytes((2, 1, 2, 0, 9, 1, 2, 8, 3, 4)))) == [
        Part(9, 258, 2, b"\1\2"),
        Part(8, 258, 2, b"\3\4"),
    ]
    assert bulk_write_parts(packet(bytes((9, 65, 0, 1, 0, 7, 8, 2, 1, 2, 0, 3, 4)))) == [
        Part(9, 65, 1, b"\7"),
        Part(8, 258, 2, b"\3\4"),
    ]


@pytest.mark.parametrize("split", SPLITTERS)
def test_only_packets_to_all_are_meant(split):
    assert split(packet(bytes((132, 0, 4, 0, 1, 0, 0, 0, 0, 0)), servo_id=1)) == []


@pytest.mark.parametrize("split", SPLITTERS)
@given(parameters=st.binary(max_size=40))
def test_any_bytes_can_be_split(split, parameters):
    for part in split(packet(parameters)):
        assert 0 <= part.servo_id <= 255
        assert not part.data or len(part.data) == part.length
