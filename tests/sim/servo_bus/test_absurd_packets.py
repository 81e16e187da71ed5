"""Packets with a right checksum and nonsense inside: a bus that goes on, and a line that is free.

Servos share their line with whoever has a port open, and the protocol lets anybody ask for
anything.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.packet import BROADCAST_ID, MAX_SERVO_ID, Instruction, Packet
from hal.dynamixel.parser import PacketParser
from sim.servo.motor import XM430_W350_MOTOR, Motor
from sim.servo.regulator import factory_loops
from sim.servo.servo import VirtualServo
from sim.servo_bus.answer import Answer
from sim.servo_bus.client import RunningBus
from sim.servo_bus.faults import FaultInjector
from sim.servo_bus.network import Heard, ServoNetwork
from sim.servo_bus.wire import transmission_ns

BAUD = 1_000_000
IDS = (10, 11, 12, 50)
ALL_IDS = tuple(range(MAX_SERVO_ID + 1))
STEP_NS = 2_500_000
# A servo gives a chain of mute ids up after 250 ms; four answers of 700 bytes take 30 ms.
LINE_MAX_NS = 300_000_000


def network(chain: str = "continue", model: int = 1020, firmware: int = 45) -> ServoNetwork:
    servos = []
    for servo_id in IDS:
        servo = VirtualServo(servo_id, control_table_of(model), firmware)
        servo.set_register("baud_rate", 3, 0)
        servo.set_register("return_delay_time", 0, 0)
        servo.sense(3.0, 0.0, 0.0, 25.0, 12.0, 0)
        servos.append(servo)
    return ServoNetwork(servos, FaultInjector(), chain)  # type: ignore[arg-type]


def word(value: int) -> bytes:
    return value.to_bytes(2, "little")


words = st.one_of(st.integers(0, 0xFFFF), st.sampled_from([0, 1, 4, 662, 1000, 1024, 0xFFFF]))
ids = st.one_of(st.sampled_from([*IDS, BROADCAST_ID]), st.integers(0, MAX_SERVO_ID))
some_ids = st.one_of(
    st.lists(ids, max_size=12).map(bytes), st.just(bytes(ALL_IDS)), st.just(bytes(IDS))
)
spans = st.builds(lambda address, length: word(address) + word(length), words, words)
entries = st.builds(lambda servo_id, span: bytes([servo_id]) + span, ids, spans)
parameters = st.one_of(
    st.binary(max_size=40),
    spans,
    st.builds(lambda span, named: span + named, spans, some_ids),
    st.lists(entries, max_size=20).map(b"".join),
    st.builds(lambda address, data: word(address) + data, words, st.binary(max_size=8)),
    st.builds(lambda span, sent: span + sent, spans, st.lists(st.binary(max_size=9)).map(b"".join)),
)
instructions = st.one_of(st.sampled_from([int(one) for one in Instruction]), st.integers(0, 255))
packets = st.builds(
    lambda servo_id, instruction, rest: Packet(
        servo_id, instruction, rest, bytes([instruction]) + rest
    ),
    ids,
    instructions,
    parameters,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(packets, min_size=1, max_size=6),
    st.sampled_from(["continue", "stop"]),
    st.sampled_from([(1020, 45), (1030, 41), (1060, 37)]),
)
def test_any_packets_leave_the_servos_working_and_the_line_free(
    sent: list[Packet], chain: str, kind: tuple[int, int]
):
    net = network(chain, *kind)
    motors = [Motor(XM430_W350_MOTOR, factory_loops(servo.table)) for servo in net.servos]
    now_ns = 10**9
    for packet in sent:
        before = {servo.servo_id for servo in net.servos}
        answers = net.execute(Heard(packet, now_ns, BAUD))
        check_line(answers)
        assert {answer.servo_id for answer in answers} <= before
        if packet.is_status:
            assert answers == []
        now_ns += STEP_NS
        for servo, motor in zip(net.servos, motors, strict=True):
            command = servo.motor_command(now_ns)
            output = motor.step(command, servo.encoder.shaft_rad, 0.0, 12.0, 0.0025)
            servo.sense(3.0, 0.0, output.current_a, motor.temperature_c, 12.0, now_ns, output.pwm)


def check_line(answers: list[Answer]) -> None:
    taken_ns = sum(a.gap_ns + transmission_ns(len(a.data), BAUD) for a in answers)
    assert taken_ns <= LINE_MAX_NS
    said = b"".join(answer.data for answer in answers)
    parser = PacketParser()
    parser.feed(said)
    parser.finish()
    assert (parser.crc_errors, parser.skipped_bytes) == (0, 0)


def fast_read(length: int, servo_ids: bytes = bytes(IDS)) -> bytes:
    """Parameters of a fast sync read from address 132."""
    return word(132) + word(length) + servo_ids


def answers_to(net: ServoNetwork, servo_id: int, instruction: int, rest: bytes) -> list[Answer]:
    packet = Packet(servo_id, instruction, rest, bytes([instruction]) + rest)
    return net.execute(Heard(packet, 10**9, BAUD))


@pytest.mark.parametrize("length", [1013, 1024, 16_380, 65_535])
@pytest.mark.parametrize("servo_ids", [bytes(IDS), bytes(IDS[:1]), bytes(ALL_IDS)])
def test_a_fast_read_of_more_than_a_packet_holds_is_not_answered(length: int, servo_ids: bytes):
    sync, bulk = Instruction.FAST_SYNC_READ, Instruction.FAST_BULK_READ
    each = b"".join(bytes([one]) + word(132) + word(length) for one in servo_ids)
    assert answers_to(network(), BROADCAST_ID, sync, fast_read(length, servo_ids)) == []
    assert answers_to(network(), BROADCAST_ID, bulk, each) == []


def test_ids_that_nobody_has_hold_the_line_no_longer_than_a_servo_waits():
    absent = bytes(one for one in ALL_IDS if one not in IDS)
    (answer,) = answers_to(
        network(), BROADCAST_ID, Instruction.SYNC_READ, word(132) + word(4) + absent + b"\x32"
    )
    assert answer.servo_id == 50
    assert answer.gap_ns == pytest.approx(248 * 250_000, rel=0.01)  # 15 bytes and 0.1 ms each
    none = answers_to(
        network(), BROADCAST_ID, Instruction.SYNC_READ, word(0) + word(300) + absent + b"\x32"
    )
    assert none == []  # it has given up: 0.8 s
    (refused,) = answers_to(
        network(), BROADCAST_ID, Instruction.SYNC_READ, word(0) + word(65_535) + absent + b"\x32"
    )
    assert refused.gap_ns < 60_000_000  # nobody could answer by more than an error


@pytest.mark.parametrize(
    ("instruction", "rest"),
    [
        (Instruction.WRITE, word(7) + b"\x14"),
        (Instruction.FACTORY_RESET, b"\xff"),
    ],
)
def test_the_status_of_a_change_of_id_carries_the_id_that_was_asked(instruction: int, rest: bytes):
    net = network()
    (answer,) = answers_to(net, 10, instruction, rest)
    (status,) = PacketParser().feed(answer.data)
    assert (answer.servo_id, status.servo_id, status.error) == (10, 10, 0)
    assert net.servos[0].servo_id != 10


def test_a_registered_change_of_id_too():
    net = network()
    answers_to(net, 10, Instruction.REG_WRITE, word(7) + b"\x14")
    (answer,) = answers_to(net, 10, Instruction.ACTION, b"")
    assert answer.servo_id == 10
    assert [a.servo_id for a in answers_to(net, 20, Instruction.PING, b"")] == [20]


@pytest.mark.parametrize("servo_id", [10, BROADCAST_ID])
def test_a_status_is_not_an_instruction(servo_id: int):
    """Not even one that feeds a watchdog: it is what another servo says."""
    net = network()
    servo = net.servos[0]
    servo.set_register("bus_watchdog", 5, 10**9)
    servo.set_register("torque_enable", 1, 10**9)
    packet = Packet(servo_id, Instruction.STATUS, b"", b"\x55\x00")
    assert net.execute(Heard(packet, 10**9 + 90_000_000, BAUD)) == []
    assert servo.register("bus_watchdog", 10**9 + 101_000_000) == 0xFF


def test_the_process_lives_on(bus: RunningBus, host: Any):
    """Over the terminal, and the next instruction is answered at once."""
    for instruction, rest in (
        (Instruction.FAST_SYNC_READ, fast_read(65_535, bytes((10, 11)))),
        (Instruction.FAST_BULK_READ, bytes([10]) + word(0) + word(65_535)),
        (Instruction.SYNC_READ, fast_read(65_535, bytes(ALL_IDS))),
        (
            Instruction.BULK_READ,
            b"".join(bytes([one]) + word(0) + word(662) for one in ALL_IDS[:190]),
        ),
        (Instruction.STATUS, b"\x00"),
        (0xEE, b""),
    ):
        host.ask(BROADCAST_ID, instruction, rest, wait_s=0.5)
        assert host.register(10, 0, 2) == 1020
    assert host.ask(10, Instruction.STATUS, b"\x00", wait_s=0.1) == []
    assert bus.is_running
