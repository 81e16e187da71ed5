"""Packets against worked examples of the manual and against the maker's own client."""

import dynamixel_sdk
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hal.dynamixel.errors import ProtocolError
from hal.dynamixel.packet import (
    BROADCAST_ID,
    MAX_PACKET_BYTES,
    Instruction,
    encode_instruction,
    encode_status,
    span_bytes,
    stuff,
    stuffed_bytes,
    unstuff,
)

# what, ID, instruction, parameters, packet: ROBOTIS e-Manual, Protocol 2.0, examples
WORKED = [
    ("ping", 1, Instruction.PING, "", "FF FF FD 00 01 03 00 01 19 4E"),
    ("read", 1, Instruction.READ, "84 00 04 00", "FF FF FD 00 01 07 00 02 84 00 04 00 1D 15"),
    (
        "write",
        1,
        Instruction.WRITE,
        "74 00 00 02 00 00",
        "FF FF FD 00 01 09 00 03 74 00 00 02 00 00 CA 89",
    ),
    ("broadcast ping", BROADCAST_ID, Instruction.PING, "", "FF FF FD 00 FE 03 00 01 31 42"),
    ("reboot", 1, Instruction.REBOOT, "", "FF FF FD 00 01 03 00 08 2F 4E"),
    (
        "sync read",
        BROADCAST_ID,
        Instruction.SYNC_READ,
        "84 00 04 00 01 02",
        "FF FF FD 00 FE 09 00 82 84 00 04 00 01 02 CE FA",
    ),
    (
        "sync write",
        BROADCAST_ID,
        Instruction.SYNC_WRITE,
        "40 00 01 00 01 00 02 00",
        "FF FF FD 00 FE 0B 00 83 40 00 01 00 01 00 02 00 D5 64",
    ),
    (
        "stuffed write",
        1,
        Instruction.WRITE,
        "66 00 FF FF FD FF FF FF",
        "FF FF FD 00 01 0C 00 03 66 00 FF FF FD FD FF FF FF 09 35",
    ),
    (
        "fast sync read",
        BROADCAST_ID,
        Instruction.FAST_SYNC_READ,
        "84 00 04 00 03 07 04",
        "FF FF FD 00 FE 0A 00 8A 84 00 04 00 03 07 04 20 F2",
    ),
    ("action", 1, Instruction.ACTION, "", "FF FF FD 00 01 03 00 05 02 CE"),
    ("factory reset", 1, Instruction.FACTORY_RESET, "01", "FF FF FD 00 01 04 00 06 01 A1 E6"),
]
STATUSES = [
    (b"\xfc\x03\x26", "FF FF FD 00 01 07 00 55 00 FC 03 26 2E C3"),
    (b"\xa6\x00\x00\x00", "FF FF FD 00 01 08 00 55 00 A6 00 00 00 8C C0"),
    (b"", "FF FF FD 00 01 04 00 55 00 A1 0C"),
]
# Bytes that stuffing is about, far more often than chance would have them.
tricky = st.lists(st.sampled_from([0xFF, 0xFD, 0x00, 0x01]), max_size=60).map(bytes)
bodies = tricky | st.binary(max_size=60)


@pytest.mark.parametrize(("what", "servo_id", "instruction", "parameters", "packet"), WORKED)
def test_worked_instructions(what, servo_id, instruction, parameters, packet):
    encoded = encode_instruction(servo_id, instruction, bytes.fromhex(parameters))
    assert encoded == bytes.fromhex(packet), what


@pytest.mark.parametrize(("parameters", "packet"), STATUSES)
def test_worked_statuses(parameters, packet):
    assert encode_status(1, 0, parameters) == bytes.fromhex(packet)


@given(bodies)
@example(bytes.fromhex("FF FF FD FF FD FD FD 01 FD 01"))
def test_stuffing_is_undone_and_hides_headers(body):
    stuffed = stuff(body)
    assert unstuff(stuffed) == body
    assert b"\xff\xff\xfd\x00" not in stuffed
    assert len(stuffed) <= stuffed_bytes(len(body))


@given(st.integers(0, 252), bodies.filter(lambda body: b"\xff\xff\xfd" not in body))
def test_equals_the_makers_where_no_stuffing_is_needed(servo_id, data):
    assert encode_instruction(servo_id, Instruction.WRITE, data) == sdk_packet(servo_id, data)


@given(st.integers(0, 252), bodies)
def test_equals_the_makers_once_its_stuffing_is_repaired(servo_id, data):
    packet = sdk_packet(servo_id, data, RepairedHandler())
    assert encode_instruction(servo_id, Instruction.WRITE, data) == packet


def test_the_maker_forgets_stuffing():
    """Its `addStuffing` works on a copy that nobody uses: why we have a codec of our own."""
    data = bytes.fromhex("66 00 FF FF FD FF FF FF")
    assert sdk_packet(1, data) == bytes.fromhex(
        "FF FF FD 00 01 0B 00 03 66 00 FF FF FD FF FF FF 5E 16"
    )


def test_the_maker_loses_bytes_when_it_removes_stuffing():
    data = bytes.fromhex("FF FF FD FF FD FD FD 01 FD 01")
    packet = list(encode_status(1, 0, data))
    decoded = dynamixel_sdk.Protocol2PacketHandler().removeStuffing(packet)
    assert bytes(decoded)[9 : 9 + len(data)] != data
    assert unstuff(bytes(encode_status(1, 0, data)))[9 : 9 + len(data)] == data


@pytest.mark.parametrize("servo_id", [-1, 253, 255, 256])
def test_refuses_ids_that_the_protocol_has_not(servo_id):
    with pytest.raises(ProtocolError, match=f"servo ID {servo_id}"):
        encode_instruction(servo_id, Instruction.PING)


def test_refuses_what_does_not_fit():
    with pytest.raises(ProtocolError, match="at most 1024"):
        encode_instruction(1, Instruction.WRITE, bytes(MAX_PACKET_BYTES))
    with pytest.raises(ProtocolError, match="instruction 256"):
        encode_instruction(1, 256)
    with pytest.raises(ProtocolError, match="error byte -1"):
        encode_status(1, -1)
    assert len(encode_instruction(1, Instruction.WRITE, bytes(1014))) == MAX_PACKET_BYTES


@pytest.mark.parametrize(("address", "length"), [(-1, 4), (0, 0), (65_535, 1)])
def test_refuses_spans_outside_every_table(address, length):
    with pytest.raises(ProtocolError, match="bytes from address"):
        span_bytes(address, length)


class RepairedHandler(dynamixel_sdk.Protocol2PacketHandler):
    """The maker's, with the result of its stuffing put to use."""

    def addStuffing(self, packet):
        packet[:] = super().addStuffing(packet)
        return packet


def sdk_packet(servo_id, data, handler=None) -> bytes:
    """What the maker's client puts on the wire to write `data` (address included)."""
    sent = bytearray()

    class Port:
        is_using = False

        def clearPort(self):
            pass

        def writePort(self, packet):
            sent.extend(packet)
            return len(packet)

    length = len(data) + 3
    packet = [0, 0, 0, 0, servo_id, length & 0xFF, length >> 8, Instruction.WRITE, *data, 0, 0]
    (handler or dynamixel_sdk.Protocol2PacketHandler()).txPacket(Port(), packet)
    return bytes(sent)
