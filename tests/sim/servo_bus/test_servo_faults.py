"""Faults of one servo: what it measures, what it latches, and when it says nothing."""

import time

import pytest

from hal.dynamixel.packet import Instruction

pytestmark = pytest.mark.xdist_group("timing")

POSITION = (132, 4)


def test_encoder_jump_and_glitch_are_single_measurements(bus, host):
    before = host.register(11, *POSITION)
    bus.inject("encoder_jump", id=11, count=1, ticks=700)
    assert host.register(11, *POSITION) == pytest.approx(before + 700, abs=5)
    assert host.register(11, *POSITION) == pytest.approx(before, abs=5)
    bus.inject("glitch", id=11, count=1)
    (packet,) = host.sync_read((11,), *POSITION)
    assert packet.parameters == b"\xff\xff\xff\xff"
    assert host.register(11, *POSITION) == pytest.approx(before, abs=5)


def test_a_velocity_spike(bus, host):
    bus.inject("velocity_spike", id=11, count=1, ticks=-5000)
    assert host.register(11, 128, 4) == pytest.approx(-5000, abs=5)
    assert host.register(11, 128, 4) == pytest.approx(0, abs=5)


def test_a_mute_servo_neither_hears_nor_answers(bus, host):
    bus.inject("mute", id=11)
    assert host.ask(11, Instruction.PING) == []
    host.write(11, 65, 1, 1)
    found = host.sync_read((10, 11, 12), *POSITION)
    assert [packet.servo_id for packet in found] == [10, 12]
    bus.clear()
    assert host.register(11, 65, 1) == 0


def test_a_chain_that_stops_at_a_mute_servo(start_bus, open_host):
    bus = start_bus(chain="stop")
    bus.inject("mute", id=11)
    found = open_host(bus.port).sync_read((10, 11, 12), *POSITION)
    assert [packet.servo_id for packet in found] == [10]


def test_a_reboot_whose_status_is_not_sent(bus, host):
    bus.inject("deaf_reboot", id=11, count=1)
    host.write(11, 65, 1, 1)
    assert host.ask(11, Instruction.REBOOT) == []
    deadline = time.monotonic() + 10
    while not host.ask(11, Instruction.PING, wait_s=0.05):
        assert time.monotonic() < deadline
    assert host.register(11, 65, 1) == 0  # RAM is as new
    assert len(host.ask(12, Instruction.REBOOT)) == 1
    time.sleep(0.4)


def test_two_servos_of_one_id_disturb_each_other(bus, host):
    bus.inject("duplicate_id", id=11)
    answers = [host.ask(11, Instruction.PING, wait_s=0.05) for _ in range(12)]
    assert any(len(packets) != 1 for packets in answers)
    assert any(len(packets) == 2 for packets in answers)
    assert len(host.ask(12, Instruction.PING)) == 1
    bus.clear()
    assert len(host.ask(11, Instruction.PING)) == 1


def test_heat_and_sag_are_measured_and_latched(bus, host):
    bus.inject("temperature", id=12, temperature_c=72.0)
    bus.wait_for(lambda _: host.register(12, 146, 1) == 72)
    assert host.register(12, 70, 1) == 0
    bus.inject("temperature", id=12, temperature_c=95.0)
    bus.wait_for(lambda _: host.register(12, 70, 1) == 0x04)
    (packet,) = host.read(12, *POSITION)
    assert packet.error == 0x80
    bus.inject("voltage_sag", id=10, voltage_v=9.0)
    bus.wait_for(lambda _: host.register(10, 144, 2) == 90)
    bus.wait_for(lambda _: host.register(10, 70, 1) == 0x01)
    bus.clear()
    for servo_id in (10, 12):
        assert len(host.ask(servo_id, Instruction.REBOOT)) == 1
    time.sleep(0.5)


@pytest.mark.parametrize(
    ("kind", "bits", "keeps_torque"),
    [
        ("overload", 0x20, False),
        ("overheat", 0x04, False),
        ("shock", 0x10, False),
        ("encoder", 0x08, True),
        ("voltage", 0x01, True),
    ],
)
def test_latched_errors_raise_the_alert_and_some_take_the_torque(
    bus, host, kind, bits, keeps_torque
):
    present = host.register(20, *POSITION)
    host.write(20, 116, present, 4)
    host.write(20, 64, 1, 1)
    bus.inject(kind, id=20)
    (packet,) = host.read(20, 70, 1)
    assert (packet.error, packet.parameters[0]) == (0x80, bits)
    assert host.register(20, 64, 1) == keeps_torque
    bus.clear()  # which does not unlatch
    assert host.register(20, 70, 1) == bits
    assert len(host.ask(20, Instruction.REBOOT)) == 1
    time.sleep(0.35)
    bus.wait_for(lambda _: len(host.ask(20, Instruction.PING, wait_s=0.05)) == 1)
    assert host.register(20, 70, 1) == 0


def test_a_brownout_starts_a_servo_anew(bus, host):
    host.write(21, 98, 50, 1)
    host.write(21, 64, 1, 1)
    bus.inject("brownout", id=21, silence_s=0.3)
    assert host.ask(21, Instruction.PING, wait_s=0.05) == []
    bus.wait_for(lambda _: len(host.ask(21, Instruction.PING, wait_s=0.05)) == 1)
    assert [host.register(21, address, 1) for address in (64, 98)] == [0, 0]
    assert host.register(21, 120, 2) < 10_000
