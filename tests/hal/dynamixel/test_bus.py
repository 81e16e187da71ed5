"""One exchange at a time: every way in which an answer can be right, wrong, late or absent."""

import time

import pytest

from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.errors import (
    BadStatusError,
    BusTimeoutError,
    PortError,
    ProtocolError,
    RegisterError,
    ServoStatusError,
)
from hal.dynamixel.packet import HEADER, Instruction, encode_instruction, encode_status
from hal.dynamixel.replies import Ping, ResetScope
from tests.hal.dynamixel.scripted_line import obedient

pytestmark = pytest.mark.xdist_group("timing")

TABLE = control_table_of(1020)
POSITION = TABLE["present_position"]
GOAL = TABLE["goal_position"]
TORQUE = TABLE["torque_enable"]
SERVO = {1: bytes(TABLE.end_address)}


def memory(**values: int) -> bytes:
    data = bytearray(TABLE.end_address)
    for name, value in values.items():
        register = TABLE[name]
        data[register.address : register.address + register.size] = register.encode(value)
    return bytes(data)


def after_ms(count: float) -> int:
    return time.monotonic_ns() + round(count * 1e6)


def test_ping_says_model_and_firmware(scripted):
    assert scripted(obedient({3: b""})).bus.ping(3, timeout_s=5) == Ping(3, 1020, 45)


def test_broadcast_ping_shows_everyone_and_two_of_one_id(scripted):
    both = encode_status(7, 0, b"\xfc\x03\x2d") + encode_status(7, 0, b"\x06\x04\x2d")
    answers = scripted(lambda _: [encode_status(2, 0, b"\xfc\x03\x26"), both])
    pings = answers.bus.broadcast_ping(timeout_s=0.1)
    assert pings == (Ping(2, 1020, 38), Ping(7, 1020, 45), Ping(7, 1030, 45))
    assert [ping.servo_id for ping in answers.bus.ping_replies(7, 0.1)] == [7, 7]


def test_read_is_signed_where_the_register_is(scripted):
    bus = scripted(obedient({1: memory(present_position=-5, present_temperature=0xFF)})).bus
    assert bus.read(1, POSITION) == -5
    assert bus.read(1, TABLE["present_temperature"]) == 255
    assert bus.read_block(1, 132, 4) == b"\xfb\xff\xff\xff"


def test_values_that_look_like_headers_come_through(scripted):
    data = HEADER + b"\xff\xff\xfd\xfd" + HEADER
    bus = scripted(obedient({1: bytes(126) + data})).bus
    assert bus.read_block(1, 126, 12) == data


def test_write_is_confirmed(scripted):
    scripted_bus = scripted(obedient({1: memory()}))
    scripted_bus.bus.write(1, GOAL, -3)
    assert scripted_bus.line.heard[0].parameters == b"\x74\x00\xfd\xff\xff\xff"
    assert scripted_bus.line.heard[0].instruction == Instruction.WRITE


def test_write_without_confirmation_takes_no_time_and_its_status_for_nothing_else(scripted):
    scripted_bus = scripted(obedient({1: memory(present_position=9)}))
    scripted_bus.bus.write(1, GOAL, 1, confirm=False)
    assert scripted_bus.bus.read(1, POSITION) == 9
    counters = scripted_bus.bus.counters  # it came before the read was sent, or after
    assert counters.late_packets + counters.bad_statuses == 1


def test_broadcast_write_waits_for_nobody(scripted):
    scripted_bus = scripted(obedient({1: memory()}))
    scripted_bus.bus.broadcast_write(TORQUE, 0)
    scripted_bus.bus.ping(1)
    assert scripted_bus.line.heard[0].servo_id == 0xFE
    assert scripted_bus.line.heard[0].parameters == b"\x40\x00\x00"


@pytest.mark.parametrize("number", range(1, 8))
@pytest.mark.parametrize("alert", [0, 0x80])
def test_refusals_keep_number_and_alert_apart(scripted, number, alert):
    bus = scripted(lambda packet: [encode_status(packet.servo_id, number | alert)]).bus
    with pytest.raises(ServoStatusError, match=r"servo 4 refused .*goal_position = 7") as refusal:
        bus.write(4, GOAL, 7)
    assert (refusal.value.number, refusal.value.alert) == (number, bool(alert))
    assert refusal.value.reason == "STATUS_ERROR"
    with pytest.raises(ServoStatusError):  # an error without data is no data
        bus.read(4, POSITION)


def test_an_alert_alone_leaves_the_data_good(scripted):
    data = POSITION.encode(123)
    bus = scripted(lambda packet: [encode_status(packet.servo_id, 0x80, data)]).bus
    assert bus.read(1, POSITION) == 123
    assert bus.last_error == 0x80


def test_a_mute_servo(scripted):
    bus = scripted().bus
    begin = time.monotonic()
    with pytest.raises(BusTimeoutError, match="servo 5 did not answer ping within") as failure:
        bus.ping(5, timeout_s=0.05)
    assert 0.05 <= time.monotonic() - begin < 1
    assert (failure.value.reason, failure.value.servo_id) == ("NO_STATUS", 5)
    assert bus.counters.timeouts == 1


@pytest.mark.parametrize("count", [0, 2, 5, 8])
def test_answers_of_another_length_are_never_data(scripted, count):
    bus = scripted(lambda packet: [encode_status(packet.servo_id, 0, bytes(count))]).bus
    with pytest.raises(BadStatusError, match=f"with {count} bytes, expected 4") as failure:
        bus.read(1, POSITION, deadline_ns=after_ms(50))
    assert failure.value.reason == "BAD_STATUS"
    assert bus.counters.bad_statuses == 1
    assert bus.counters.timeouts == 0


def test_the_answer_behind_a_wrong_one_is_found(scripted):
    wrong, right = encode_status(1, 0, b"ab"), encode_status(1, 0, POSITION.encode(6))
    stranger = encode_status(9, 0, POSITION.encode(7))
    bus = scripted(lambda _: [wrong + stranger + b"\xff\xff\xfd" + right]).bus
    assert bus.read(1, POSITION) == 6
    assert bus.counters.bad_statuses == 1
    assert bus.counters.foreign_packets == 1
    assert bus.counters.skipped_bytes == 3


def test_a_second_answer_is_counted_and_forgotten(scripted):
    values = iter([1, 2])

    def answer(packet):
        return [encode_status(packet.servo_id, 0, POSITION.encode(next(values)))] * 2

    bus = scripted(answer).bus
    assert bus.read(1, POSITION) == 1
    time.sleep(0.02)
    assert bus.read(1, POSITION) == 2
    assert bus.counters.late_packets == 1


def test_an_adaptor_that_echoes(scripted):
    def answer(packet):
        echo = encode_instruction(packet.servo_id, packet.instruction, packet.parameters)
        return [echo, *honest(packet)]

    honest = obedient({1: memory(present_position=77), 2: memory(present_position=78)})
    bus = scripted(answer).bus
    assert bus.read(1, POSITION) == 77
    bus.sync_write(116, {1: bytes(4), 2: bytes(4)})
    assert bus.sync_read([1, 2], 132, 4).missing == ()
    assert bus.counters.echoes == 3
    assert bus.counters.foreign_packets == 0
    assert bus.counters.late_packets == 0


def test_another_host_on_the_line_is_not_an_echo(scripted):
    other = encode_instruction(1, Instruction.PING)
    bus = scripted(lambda packet: [other, encode_status(1, 0, POSITION.encode(3))]).bus
    assert bus.read(1, POSITION) == 3
    assert (bus.counters.foreign_packets, bus.counters.echoes) == (1, 0)


@pytest.mark.parametrize(
    "noise",
    [
        bytes(4096),
        b"\xff" * 4096,
        encode_status(9, 0, bytes(4)) * 200,
        (HEADER + b"\x01\x70\x00\x55") * 400,
        (HEADER + b"\x01\x08\x00\x55\x00\x01\x02\x03\x04\x05\x06") * 250,
    ],
    ids=["zeros", "ones", "foreign", "promises", "bad checksums"],
)
def test_a_flood_moves_no_deadline(scripted, noise):
    def answer(_):
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            yield noise

    bus = scripted(answer).bus
    begin = time.monotonic()
    with pytest.raises(BusTimeoutError):
        bus.read(1, POSITION, deadline_ns=after_ms(50))
    assert time.monotonic() - begin < 0.2  # the flood lasts twice as long
    begin = time.monotonic()
    assert bus.sync_read([1], 132, 4, timeout_s=0.05).missing == (1,)
    assert time.monotonic() - begin < 0.2


def test_a_pulled_plug_is_told_at_once(scripted):
    unplugged = scripted(obedient({1: memory()}))
    unplugged.bus.ping(1)
    unplugged.line.unplug()
    with pytest.raises(PortError) as failure:
        unplugged.bus.ping(1)
    assert failure.value.reason == "PORT_LOST"
    with pytest.raises(PortError) as failure:
        unplugged.bus.broadcast_write(TORQUE, 0)
    assert failure.value.reason == "PORT_CLOSED"


def test_nothing_wrong_reaches_the_wire(scripted):
    clean = scripted(obedient({1: memory()}))
    bus = clean.bus
    for call, error in [
        (lambda: bus.write(1, GOAL, 2**31), RegisterError),
        (lambda: bus.write(1, POSITION, 0), RegisterError),
        (lambda: bus.broadcast_write(TORQUE, 2), RegisterError),
        (lambda: bus.read(254, POSITION), ProtocolError),
        (lambda: bus.write(254, GOAL, 0, confirm=False), ProtocolError),
        (lambda: bus.ping(253), ProtocolError),
        (lambda: bus.ping(1, timeout_s=0), ProtocolError),
        (lambda: bus.ping(1, timeout_s=float("nan")), ProtocolError),
        (lambda: bus.read_block(1, -1, 4), ProtocolError),
        (lambda: bus.sync_read([], 132, 4), ProtocolError),
        (lambda: bus.sync_read([1, 1], 132, 4), ProtocolError),
        (lambda: bus.sync_read([254], 132, 4), ProtocolError),
        (lambda: bus.sync_write(116, {1: bytes(4), 2: bytes(2)}), ProtocolError),
        (lambda: bus.sync_write(116, {}), ProtocolError),
    ]:
        with pytest.raises(error):
            call()
    bus.ping(1)
    assert [packet.instruction for packet in clean.line.heard] == [Instruction.PING]


def test_restarts_need_no_answer(scripted):
    mute = scripted().bus
    assert mute.reboot(1) is False
    polite = scripted(obedient(SERVO))
    assert polite.bus.reboot(1) is True
    assert polite.bus.factory_reset(1, ResetScope.KEEP_ID) is True
    assert polite.bus.restore_backup(1) is True
    heard = [(p.instruction, p.parameters) for p in polite.line.heard]
    assert heard == [(0x08, b""), (0x06, b"\x01"), (0x20, b"\x02CTRL")]


def test_a_refused_restart_is_an_error(scripted):
    bus = scripted(lambda packet: [encode_status(packet.servo_id, 7)]).bus
    with pytest.raises(ServoStatusError, match="refused reboot: access error"):
        bus.reboot(1)


def test_waiting_for_a_servo_that_restarts(scripted):
    back_at = time.monotonic() + 0.1
    honest = obedient(SERVO)
    bus = scripted(lambda packet: honest(packet) if time.monotonic() > back_at else []).bus
    assert bus.wait_for(1, timeout_s=5).servo_id == 1
    assert time.monotonic() >= back_at
    with pytest.raises(BusTimeoutError):
        bus.wait_for(2, timeout_s=0.05)


def test_rare_requests_as_the_manual_has_them(scripted):
    polite = scripted(obedient(SERVO))
    polite.bus.reg_write(1, TABLE["goal_velocity"], 200)
    polite.bus.action(1)
    polite.bus.clear_multi_turn(1)
    polite.bus.store_backup(1)
    polite.bus.action()
    polite.bus.ping(1)
    assert [(p.servo_id, p.instruction, p.parameters) for p in polite.line.heard[:-1]] == [
        (1, 0x04, b"\x68\x00\xc8\x00\x00\x00"),
        (1, 0x05, b""),
        (1, 0x10, b"\x01DXL\x22"),
        (1, 0x20, b"\x01CTRL"),
        (0xFE, 0x05, b""),
    ]


def test_scopes_that_a_reset_has_not_are_refused(scripted):
    with pytest.raises(ProtocolError, match="scope 9"):
        scripted().bus.factory_reset(1, 9)
