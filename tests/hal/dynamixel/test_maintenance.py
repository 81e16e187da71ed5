"""Requests outside control cycles, as the manual has them; servos that restart without a word."""

import time

import pytest

from hal.dynamixel.control_table import control_table_of
from hal.dynamixel.errors import BusTimeoutError, ProtocolError, ServoStatusError
from hal.dynamixel.packet import encode_status
from hal.dynamixel.replies import ResetScope
from tests.hal.dynamixel.scripted_line import obedient

TABLE = control_table_of(1020)
SERVO = {1: bytes(TABLE.end_address)}


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
