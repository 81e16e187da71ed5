"""Instructions for many, over the terminal and with the maker's client."""

import time

import pytest

from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.packet import BROADCAST_ID, Instruction, encode_instruction, encode_status
from hal.dynamixel.parser import PacketParser
from hal.dynamixel.port import SerialPort
from sim.servo.servo import VirtualServo
from sim.servo_bus.faults import FaultInjector
from sim.servo_bus.network import Heard, ServoNetwork

IDS = (10, 11, 12, 20, 21, 22, 30, 31, 32)


def network(*ids: int, **options) -> ServoNetwork:
    servos = []
    for servo_id in ids:
        servo = VirtualServo(servo_id, control_table_of(1020))
        servo.set_register("baud_rate", 3, 0)
        servo.set_register("return_delay_time", 10, 0)
        servos.append(servo)
    return ServoNetwork(servos, FaultInjector(), **options)


def tell(net: ServoNetwork, servo_id: int, instruction: int, parameters: bytes = b"", at_ns=1):
    (packet,) = PacketParser().feed(encode_instruction(servo_id, instruction, parameters))
    return net.execute(Heard(packet, at_ns, 1_000_000))


def test_a_fast_sync_read_is_the_one_of_the_manual():
    """The manual's example: positions 166, 2079 and 1023 of servos 3, 7 and 4."""
    net = network(3, 7, 4)
    for servo, ticks in zip(net.servos, (166, 2079, 1023), strict=True):
        servo.encoder.shaft_rad = servo.encoder.to_shaft_rad(ticks)
    answers = tell(net, BROADCAST_ID, Instruction.FAST_SYNC_READ, bytes((132, 0, 4, 0, 3, 7, 4)))
    assert b"".join(answer.data for answer in answers) == bytes.fromhex(
        "FFFFFD00 FE 1900 55 00 03 A6000000 8408 00 07 1F080000 16CA 00 04 FF030000 D19E"
    )
    assert [answer.gap_ns for answer in answers] == [20_000, 0, 0]


def test_a_broadcast_ping_is_answered_in_order_of_ids():
    answers = tell(network(30, 10, 20), BROADCAST_ID, Instruction.PING)
    assert [answer.servo_id for answer in answers] == [10, 20, 30]
    assert all(answer.gap_ns == 20_000 for answer in answers)


def test_other_broadcasts_are_obeyed_in_silence():
    net = network(10, 11)
    assert tell(net, BROADCAST_ID, Instruction.WRITE, bytes((65, 0, 1))) == []
    assert [servo.register("led", 1) for servo in net.servos] == [1, 1]
    assert tell(net, BROADCAST_ID, Instruction.READ, bytes((65, 0, 1, 0))) == []


def test_a_servo_of_another_line_rate_hears_noise():
    net = network(10, 11)
    net.servos[1].set_register("baud_rate", 1, 0)
    answers = tell(net, BROADCAST_ID, Instruction.PING)
    assert [answer.servo_id for answer in answers] == [10]


def test_a_secondary_id_is_obeyed_in_silence():
    net = network(10, 11)
    net.servos[1].set_register("secondary_id", 40, 0)
    assert tell(net, 40, Instruction.WRITE, bytes((65, 0, 1))) == []
    assert [servo.register("led", 1) for servo in net.servos] == [0, 1]
    sync = bytes((65, 0, 1, 0, 40, 0))
    assert tell(net, BROADCAST_ID, Instruction.SYNC_WRITE, sync) == []
    assert net.servos[1].register("led", 1) == 0


@pytest.mark.parametrize("chain", ["continue", "stop"])
def test_a_chain_with_a_missing_servo(chain):
    net = network(10, 12, 13, chain=chain)
    asked = bytes((132, 0, 4, 0, 10, 11, 12, 13))
    answers = tell(net, BROADCAST_ID, Instruction.SYNC_READ, asked)
    if chain == "stop":
        assert [answer.servo_id for answer in answers] == [10]
        return
    assert [answer.servo_id for answer in answers] == [10, 12, 13]
    # 15 bytes of the missing status at 1 Mbaud, and a while more
    assert [answer.gap_ns for answer in answers] == [20_000, 20_000 + 150_000 + 100_000, 20_000]


def test_a_bulk_read_asks_each_for_something_else():
    request = bytes((10, 146, 0, 1, 0, 11, 132, 0, 4, 0, 10, 0, 0, 2, 0))
    answers = tell(network(10, 11), BROADCAST_ID, Instruction.BULK_READ, request)
    assert [(answer.servo_id, len(answer.data)) for answer in answers] == [(10, 12), (11, 15)]


@pytest.mark.parametrize(
    ("instruction", "parameters"),
    [
        (Instruction.SYNC_READ, b""),
        (Instruction.SYNC_READ, bytes((132, 0, 4, 0))),
        (Instruction.SYNC_WRITE, bytes((65, 0))),
        (Instruction.SYNC_WRITE, bytes((65, 0, 1, 0, 10))),
        (Instruction.BULK_READ, bytes((10, 0, 0))),
        (Instruction.BULK_WRITE, bytes((10, 65, 0, 9, 0, 1))),
        (Instruction.FAST_SYNC_READ, bytes((132, 0, 4, 0))),
        (0x77, b"abc"),
        (Instruction.STATUS, b"\0\0"),
    ],
)
def test_malformed_instructions_to_all_are_ignored(instruction, parameters):
    net = network(10, 11)
    assert tell(net, BROADCAST_ID, instruction, parameters) == []
    assert [servo.register("led", 1) for servo in net.servos] == [0, 0]


def test_the_sdk_reads_and_writes_groups(bus, sdk):
    import dynamixel_sdk

    group = sdk.sync_read(IDS, 126, 10)
    assert group.result == 0
    fast = sdk.sync_read(IDS, 126, 10, fast=True)
    assert fast.result == 0
    for servo_id in IDS:
        assert fast.getData(servo_id, 132, 4) == pytest.approx(group.getData(servo_id, 132, 4), 1)
    write = dynamixel_sdk.GroupSyncWrite(sdk.port, sdk.packets, 116, 4)
    for servo_id in IDS:
        assert write.addParam(servo_id, list((2000 + servo_id).to_bytes(4, "little")))
    assert write.txPacket() == 0
    goals = sdk.sync_read(IDS, 116, 4)
    assert [goals.getData(servo_id, 116, 4) for servo_id in IDS] == [2000 + i for i in IDS]


def test_the_sdk_pings_all(bus, sdk):
    found, result = sdk.packets.broadcastPing(sdk.port)
    assert result == 0
    assert found == {servo_id: [1020, 45] for servo_id in (*IDS, 50, 60)}


def test_at_the_wrong_line_rate_nobody_answers(bus, connect):
    wrong = connect(bus.port, 57_600)
    assert wrong.packets.ping(wrong.port, 10)[1] != 0
    wrong.port.setBaudRate(1_000_000)
    assert wrong.packets.ping(wrong.port, 10) == (1020, 0, 0)


def test_answers_take_the_time_of_the_wire(start_bus):
    """Never sooner than the formula, whatever the machine is doing meanwhile."""
    bus = start_bus(return_delay_us=500.0, latency_ms=16.0)
    port = SerialPort(bus.port)
    request = encode_instruction(BROADCAST_ID, Instruction.SYNC_READ, bytes((126, 0, 10, 0, *IDS)))
    least_s = (23 + 9 * 21) * 10e-6 + 9 * 500e-6 + 16e-3
    parser = PacketParser()
    for _ in range(5):
        start = time.monotonic()
        port.write(request)
        packets = []
        while len(packets) < len(IDS):
            data = port.read_some(time.monotonic_ns() + 5_000_000_000)
            assert data
            packets += parser.feed(data)
        assert time.monotonic() - start > least_s
        assert [packet.servo_id for packet in packets] == list(IDS)
    port.close()


def test_unpaced_answers_come_at_once(start_bus):
    bus = start_bus(paced=False, return_delay_us=500.0, latency_ms=16.0)
    port = SerialPort(bus.port)
    best_s = 1.0
    for _ in range(20):
        start = time.monotonic()
        port.write(encode_instruction(11, Instruction.PING))
        answer = port.read_some(time.monotonic_ns() + 5_000_000_000)
        best_s = min(best_s, time.monotonic() - start)
        assert answer == encode_status(11, 0, b"\xfc\x03\x2d")
    assert best_s < 0.01
    port.close()
