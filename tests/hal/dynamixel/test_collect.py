"""Many servos in one packet: what is missing is said, what came is kept."""

import time

import dynamixel_sdk
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.dynamixel.crc import crc16
from hal.dynamixel.group_packets import GroupRead, bulk_write_packet, sync_write_packet
from hal.dynamixel.packet import HEADER, Instruction, encode_status
from tests.hal.dynamixel.scripted_line import ScriptedLine, obedient

pytestmark = pytest.mark.xdist_group("timing")

IDS = (10, 11, 12, 20)
DATA = {servo_id: bytes([servo_id] * 200) for servo_id in IDS}
PATIENT_S = 5.0


def statuses(*, skip: int = -1, data: bytes = b"abcd") -> list[bytes]:
    return [encode_status(servo_id, 0, data) for servo_id in IDS if servo_id != skip]


def fast_status(values: dict[int, tuple[int, bytes]]) -> bytes:
    """The answer that servos write together, each its own checksum over all before it."""
    length = 1 + sum(4 + len(data) for _, data in values.values())
    packet = HEADER + b"\xfe" + length.to_bytes(2, "little") + b"\x55"
    for servo_id, (error, data) in values.items():
        packet += bytes((error, servo_id)) + data
        packet += crc16(packet).to_bytes(2, "little")
    return packet


def test_fast_status_of_the_manual():
    """ROBOTIS e-Manual, Protocol 2.0, Fast Sync Read: its three checksums."""
    positions = {3: b"\xa6\x00\x00\x00", 7: b"\x1f\x08\x00\x00", 4: b"\xff\x03\x00\x00"}
    packet = fast_status({servo_id: (0, data) for servo_id, data in positions.items()})
    assert packet[:8] == bytes.fromhex("FF FF FD 00 FE 19 00 55")
    assert [packet[14 + 8 * i : 16 + 8 * i].hex() for i in range(3)] == ["8408", "16ca", "d19e"]


def test_all_answer(scripted):
    bus = scripted(obedient(DATA)).bus
    reply = bus.sync_read(IDS, 126, 10)
    assert reply.data == {servo_id: DATA[servo_id][:10] for servo_id in IDS}
    assert (reply.missing, reply.foreign) == ((), 0)
    assert reply.errors == dict.fromkeys(IDS, 0)


@pytest.mark.parametrize("mute", IDS[:-1])
def test_a_mute_servo_costs_neither_data_nor_time(scripted, mute):
    """Servos answer in order: once the last has, nobody else will."""
    bus = scripted(lambda _: statuses(skip=mute)).bus
    begin = time.monotonic()
    reply = bus.sync_read(IDS, 126, 4, timeout_s=PATIENT_S)
    assert time.monotonic() - begin < PATIENT_S / 2
    assert reply.missing == (mute,)
    assert sorted(reply.data) == sorted(set(IDS) - {mute})
    assert bus.counters.timeouts == 1


def test_the_last_servo_mute_takes_until_the_deadline(scripted):
    bus = scripted(lambda _: statuses(skip=IDS[-1])).bus
    begin = time.monotonic()
    assert bus.sync_read(IDS, 126, 4, timeout_s=0.05).missing == IDS[-1:]
    assert 0.05 <= time.monotonic() - begin < 1


def test_a_damaged_answer_costs_only_itself(scripted):
    parts = statuses()
    parts[1] = parts[1][:-1] + bytes((parts[1][-1] ^ 1,))
    bus = scripted(lambda _: parts).bus
    reply = bus.sync_read(IDS, 126, 4)
    assert reply.missing == (IDS[1],)
    assert bus.counters.crc_errors == 1


def test_a_truncated_answer_costs_only_itself(scripted):
    parts = statuses()
    parts[0] = parts[0][:9]
    assert scripted(lambda _: parts).bus.sync_read(IDS, 126, 4).missing == (IDS[0],)


def test_answers_in_pieces(scripted):
    stream = b"".join(statuses())
    parts = [part for at in range(0, len(stream), 7) for part in (stream[at : at + 7], 0.001)]
    assert scripted(lambda _: parts).bus.sync_read(IDS, 126, 4, PATIENT_S).missing == ()


def test_errors_and_alerts_are_told_of_each(scripted):
    parts = [
        encode_status(10, 0x80, b"abcd"),
        encode_status(11, 0x87),
        encode_status(12, 0, b"abc"),
        encode_status(20, 0, b"abcd"),
    ]
    bus = scripted(lambda _: parts).bus
    reply = bus.sync_read(IDS, 126, 4)
    assert reply.errors == {10: 0x80, 11: 0x87, 12: 0, 20: 0}
    assert sorted(reply.data) == [10, 20]
    assert reply.missing == (11, 12)
    assert (bus.counters.bad_statuses, bus.counters.timeouts) == (1, 0)


def test_strangers_and_twins_are_counted(scripted):
    parts = statuses()
    parts[2:2] = [encode_status(99, 0, b"abcd"), encode_status(10, 0, b"zzzz")]
    bus = scripted(lambda _: parts).bus
    reply = bus.sync_read(IDS, 126, 4)
    assert (reply.missing, reply.foreign, bus.counters.foreign_packets) == ((), 2, 2)
    assert reply.data[10] == b"abcd"


def test_a_late_answer_is_not_taken_by_the_next_cycle(scripted):
    rounds = iter([[*statuses(skip=20, data=b"old1"), 0.06, encode_status(20, 0, b"old1")]])
    bus = scripted(lambda _: next(rounds, statuses(data=b"new2"))).bus
    assert bus.sync_read(IDS, 126, 4, timeout_s=0.03).missing == (20,)
    time.sleep(0.05)
    reply = bus.sync_read(IDS, 126, 4)
    assert set(reply.data.values()) == {b"new2"}
    assert bus.counters.late_packets == 1


@pytest.mark.parametrize("fast", [False, True])
def test_what_others_owe_is_late_and_no_stranger(scripted, fast: bool):
    """A host that was held up hears the answers to its last request after the next one."""
    values = dict.fromkeys(IDS, (0, b"abcd"))
    owed = [fast_status(values)] if fast else statuses(skip=10)
    held_up = scripted(lambda _: [])
    assert held_up.bus.sync_read(IDS, 126, 4, timeout_s=0.03, fast=fast).missing == IDS
    held_up.line.answer = lambda _: [*owed, encode_status(99, 0, b"abcd"), *statuses()]
    reply = held_up.bus.sync_read(IDS[:1], 126, 4, timeout_s=PATIENT_S)
    assert reply.data == {10: b"abcd"}
    counters = held_up.bus.counters
    assert (reply.foreign, counters.foreign_packets) == (1, 1)
    assert counters.late_packets == len(owed)


def test_a_servo_that_owes_another_register_is_asked_for_a_sign_first(scripted):
    honest = obedient(dict.fromkeys(IDS, bytes(126) + b"gap_new_"))
    slow = scripted(lambda _: statuses(skip=11))
    assert slow.bus.sync_read(IDS, 126, 4, timeout_s=0.05).missing == (11,)
    late = iter([encode_status(11, 0, b"old_")])
    slow.line.answer = lambda packet: [*late, *honest(packet)]
    reply = slow.bus.sync_read(IDS, 130, 4, timeout_s=PATIENT_S)
    assert set(reply.data.values()) == {b"new_"}
    assert reply.missing == ()
    asked = [(packet.servo_id, packet.instruction) for packet in slow.line.heard]
    assert asked == [(0xFE, 0x82), (11, Instruction.READ), (0xFE, 0x82)]


def test_a_servo_that_owes_and_gives_no_sign_is_left_out(scripted):
    slow = scripted(lambda _: statuses(skip=11))
    slow.bus.sync_read(IDS, 126, 4, timeout_s=0.05)
    slow.line.answer = lambda packet: statuses(skip=11) if packet.instruction == 0x82 else []
    reply = slow.bus.sync_read(IDS, 130, 4, timeout_s=0.5)
    assert reply.missing == (11,)
    assert slow.line.heard[-1].parameters[4:] == bytes((10, 12, 20))


def test_fast_read(scripted):
    values = dict.fromkeys(IDS, (0, HEADER + b"\xff\xff\xfd\xfd"))
    values[11] = (0x80, bytes(8))
    values[12] = (0x01, bytes(8))
    reply = scripted(lambda _: [fast_status(values)]).bus.sync_read(IDS, 126, 8, fast=True)
    assert reply.data == {servo_id: values[servo_id][1] for servo_id in (10, 11, 20)}
    assert reply.errors == {10: 0, 11: 0x80, 12: 1, 20: 0}
    assert reply.missing == (12,)


@pytest.mark.parametrize(
    "ids", [(10, 11, 12), (10, 12, 11, 20), (10, 11, 12, 20, 21)], ids=["few", "order", "many"]
)
def test_a_fast_answer_of_another_shape_is_no_answer(scripted, ids):
    answer = fast_status({servo_id: (0, bytes(4)) for servo_id in ids})
    bus = scripted(lambda _: [answer]).bus
    reply = bus.sync_read(IDS, 126, 4, timeout_s=0.03, fast=True)
    assert (reply.data, reply.missing) == ({}, IDS)
    assert bus.counters.bad_statuses == 1


def test_one_mute_servo_breaks_a_fast_read_for_all(scripted):
    broken = fast_status({servo_id: (0, bytes(4)) for servo_id in IDS})[:-12]
    bus = scripted(lambda _: [broken]).bus
    assert bus.sync_read(IDS, 126, 4, timeout_s=0.03, fast=True).missing == IDS


def test_bulk_read_has_a_length_for_each(scripted):
    def answer(packet):
        fast = packet.instruction == Instruction.FAST_BULK_READ
        values = {1: (0, b"\x01"), 2: (0, b"\x02\x02")}
        separate = [encode_status(servo_id, *value) for servo_id, value in values.items()]
        return [fast_status(values)] if fast else separate

    bus = scripted(answer).bus
    for fast in (False, True):
        reply = bus.bulk_read({1: (146, 1), 2: (144, 2)}, fast=fast)
        assert reply.data == {1: b"\x01", 2: b"\x02\x02"}


def test_writes_wait_for_nobody_and_arrive_whole(scripted):
    written = scripted(obedient(DATA))
    written.bus.sync_write(116, {10: HEADER, 11: b"\x01\x02\x03\x04"})
    written.bus.bulk_write({10: (64, b"\x01"), 11: (102, b"\x05\x06")})
    written.bus.ping(10)
    assert [(p.instruction, p.parameters) for p in written.line.heard[:2]] == [
        (0x83, b"\x74\x00\x04\x00\x0a" + HEADER + b"\x0b\x01\x02\x03\x04"),
        (0x93, b"\x0a\x40\x00\x01\x00\x01\x0b\x66\x00\x02\x00\x05\x06"),
    ]


def test_packets_of_the_manual():
    assert GroupRead.sync((1, 2), 126, 10, False).packet == bytes.fromhex(
        "FF FF FD 00 FE 09 00 82 7E 00 0A 00 01 02 38 92"
    )
    assert sync_write_packet(98, {1: b"\x05", 2: b"\x05"}) == bytes.fromhex(
        "FF FF FD 00 FE 0B 00 83 62 00 01 00 01 05 02 05 4C C4"
    )
    spans = {1: (144, 2), 2: (146, 1)}
    assert GroupRead.bulk(spans, False).packet[-2:] == bytes.fromhex("1A 05")
    assert bulk_write_packet({1: (32, b"\xa0\x00"), 2: (31, b"\x50")})[-2:] == b"\xb7\x68"
    # The manual prints another checksum here, copied from its fast sync read.
    spans = {3: (132, 4), 7: (124, 2), 4: (146, 1)}
    assert GroupRead.bulk(spans, True).packet[-2:] == bytes.fromhex("DA 2D")


@given(
    st.dictionaries(st.integers(0, 252), st.binary(min_size=4, max_size=4), min_size=1, max_size=12)
)
def test_sync_write_equals_the_makers(values):
    class Port:
        is_using = False
        sent = b""

        def clearPort(self):
            pass

        def writePort(self, packet):
            self.sent = bytes(packet)
            return len(packet)

    class Repaired(dynamixel_sdk.Protocol2PacketHandler):
        def addStuffing(self, packet):
            packet[:] = super().addStuffing(packet)
            return packet

    port = Port()
    group = dynamixel_sdk.GroupSyncWrite(port, Repaired(), 116, 4)
    for servo_id, data in values.items():
        group.addParam(servo_id, list(data))
    group.txPacket()
    assert sync_write_packet(116, values) == port.sent


@pytest.fixture
def sdk_port():
    """The maker's port on a scripted line; made by calling it with the script."""
    opened = []

    def make(answer):
        line = ScriptedLine(answer)
        port = dynamixel_sdk.PortHandler(line.path)
        port.openPort()
        port.setBaudRate(1_000_000)
        opened.append((line, port))
        return port

    yield make
    for line, port in opened:
        port.closePort()
        line.close()


def test_the_maker_takes_checksums_for_a_model(sdk_port):
    """A ping answered without parameters: a model number made of the checksum's bytes."""
    port = sdk_port(lambda packet: [encode_status(packet.servo_id, 0)])
    model, result, _ = dynamixel_sdk.Protocol2PacketHandler().ping(port, 1)
    assert result == dynamixel_sdk.COMM_SUCCESS
    assert model == int.from_bytes(encode_status(1, 0)[-2:], "little")


def test_the_maker_fails_on_an_error_without_data(sdk_port):
    port = sdk_port(lambda packet: [encode_status(packet.servo_id, 7)])
    with pytest.raises(IndexError):
        dynamixel_sdk.Protocol2PacketHandler().read4ByteTxRx(port, 1, 132)


def test_the_maker_loses_every_servo_with_one(sdk_port):
    port = sdk_port(obedient({1: bytes(200), 3: bytes(200)}))
    group = dynamixel_sdk.GroupSyncRead(port, dynamixel_sdk.Protocol2PacketHandler(), 132, 4)
    for servo_id in (1, 2, 3):
        group.addParam(servo_id)
    assert group.txRxPacket() != dynamixel_sdk.COMM_SUCCESS
    assert not group.isAvailable(3, 132, 4)
