"""Faults of answers, of the line and of the adapter, as a client sees them, and their end."""

import os
import time

import pytest

from hal.dynamixel.packet import Instruction, encode_instruction
from hal.dynamixel.parser import PacketParser
from hal.dynamixel.port import PortError

pytestmark = pytest.mark.xdist_group("timing")

POSITION = (132, 4)


def test_drop_takes_as_many_answers_as_asked_for(bus, host):
    bus.inject("drop", id=11, count=2)
    assert [len(host.read(11, *POSITION)) for _ in range(3)] == [0, 0, 1]
    bus.inject("drop", id=11, count=1)
    found = host.sync_read((10, 11, 12), *POSITION)
    assert [packet.servo_id for packet in found] == [10, 12]


def test_probability_is_that_of_each_answer(bus, host):
    bus.inject("drop", probability=0.5)
    found = sum(len(host.sync_read((10, 11, 12, 20, 21, 22), *POSITION)) for _ in range(6))
    assert 4 < found < 32
    (fault,) = bus.faults()
    assert fault["struck"] == 36 - found


def test_a_fault_ends_with_its_time(bus, host):
    bus.inject("drop", duration_s=0.3)
    assert host.read(11, *POSITION, wait_s=0.1) == []
    bus.wait_for(lambda state: not state["faults"])
    assert len(host.read(11, *POSITION)) == 1


def test_clear_lifts_all(bus, host):
    bus.inject("drop")
    bus.inject("mute", id=11)
    bus.clear()
    assert bus.faults() == []
    assert len(host.read(11, *POSITION)) == 1


@pytest.mark.parametrize("kind", ["delay", "late"])
def test_answers_come_late(bus, host, kind):
    bus.inject(kind, id=11, count=1, delay_s=0.15)
    start = time.monotonic()
    host.port.write(encode_instruction(11, Instruction.PING))
    assert host.port.read_some(time.monotonic_ns() + 5_000_000_000)
    assert time.monotonic() - start > 0.15


def test_delay_holds_up_the_next_one_and_late_does_not(bus, host):
    bus.inject("late", id=10, count=1, delay_s=0.05)
    assert [p.servo_id for p in host.sync_read((10, 11), *POSITION)] == [11, 10]
    bus.inject("delay", id=10, count=1, delay_s=0.05)
    assert [p.servo_id for p in host.sync_read((10, 11), *POSITION)] == [10, 11]


def test_no_answer_overtakes_another_of_its_servo(bus, host):
    bus.inject("late", id=11, count=1, delay_s=0.1)
    read = (132).to_bytes(2, "little") + (4).to_bytes(2, "little")
    host.port.write(encode_instruction(11, Instruction.READ, read))
    time.sleep(0.02)
    first, second = host.ask(11, Instruction.PING, wait_s=0.5, enough=2)
    assert (len(first.parameters), len(second.parameters)) == (4, 3)


def test_duplicate_comes_twice(bus, host):
    bus.inject("duplicate", id=11, count=1)
    first, second = host.read(11, *POSITION)
    assert first == second


def test_flipped_bits_fail_the_checksum(bus, host):
    bus.inject("flip", id=11, count=1, bits=3)
    assert host.read(11, *POSITION) == []
    assert host.crc_errors + host.skipped_bytes > 0


def test_a_truncated_answer_is_none(bus, host):
    bus.inject("truncate", id=11, count=1, bytes=5)
    assert host.read(11, *POSITION) == []
    assert len(host.read(11, *POSITION)) == 1


def test_garbage_precedes_the_answer(bus, host):
    bus.inject("garbage", id=11, count=1, bytes=9)
    (packet,) = host.read(11, *POSITION)
    assert packet.servo_id == 11
    assert host.skipped_bytes == 9


def test_a_foreign_status_precedes_the_answer(bus, host):
    bus.inject("foreign", id=11, count=1, foreign_id=77)
    assert [packet.servo_id for packet in host.read(11, *POSITION)] == [77, 11]


def test_an_error_status_has_no_data(bus, host):
    bus.inject("error_status", id=11, count=1, number=3)
    (packet,) = host.read(11, *POSITION)
    assert (packet.error, packet.parameters) == (3, b"")


@pytest.mark.parametrize("extra", [2, -2])
def test_a_status_of_the_wrong_length(bus, host, extra):
    bus.inject("wrong_length", id=11, count=1, bytes=extra)
    (packet,) = host.read(11, *POSITION)
    assert len(packet.parameters) == 4 + extra


def test_an_echo_comes_before_the_answer(bus, host):
    bus.inject("echo")
    ping = encode_instruction(11, Instruction.PING)
    own, answer = host.ask(11, Instruction.PING)
    assert own.instruction == Instruction.PING
    assert own.raw_body == ping[7:-2]
    assert answer.instruction == Instruction.STATUS


@pytest.mark.parametrize("pattern", ["random", "zeros", "ones", "packets"])
def test_a_flood_fills_the_line(bus, host, pattern):
    bus.inject("flood", pattern=pattern)
    received = b""
    deadline_ns = time.monotonic_ns() + 10_000_000_000
    while len(received) < 3000:
        data = host.port.read_some(deadline_ns)
        assert data, "the flood dried up"
        received += data
    if pattern == "zeros":
        assert not any(received)
    elif pattern == "packets":
        assert PacketParser().feed(received)[0].servo_id == 200
    bus.clear()
    time.sleep(0.1)
    assert len(host.ask(11, Instruction.PING)) == 1


def test_an_adapter_that_does_not_drain_blocks_writes(bus, host, open_host):
    bus.inject("stop_draining")
    with pytest.raises(PortError) as caught:
        host.port.write(encode_instruction(11, Instruction.PING))
    assert caught.value.reason == "PORT_STUCK"
    bus.clear()
    assert open_host(bus.port).ask(11, Instruction.PING)


def test_unplugged_and_plugged_in_again(tmp_path, start_bus, open_host):
    link = tmp_path / "claw"
    bus = start_bus(port_link=str(link))
    host = open_host(bus.port)
    bus.inject("unplug")
    with pytest.raises(PortError) as caught:
        host.ask(11, Instruction.PING, wait_s=1.0)
    assert caught.value.reason == "PORT_LOST"
    assert not link.is_symlink()
    assert not bus.state()["plugged"]
    bus.inject("replug")
    assert os.path.realpath(link) == bus.state()["port"]
    assert len(open_host(str(link)).ask(11, Instruction.PING)) == 1
    bus.unplug()
    assert bus.replug() == str(link)


def test_faults_from_a_file_are_in_force_from_the_start(tmp_path, start_bus, open_host):
    path = tmp_path / "faults.json"
    path.write_text('[{"fault": "mute", "id": 12}, {"fault": "overload", "id": 11}]')
    host = open_host(start_bus(faults=str(path)).port)
    assert host.ask(12, Instruction.PING, wait_s=0.1) == []
    assert host.register(11, 70, 1) == 0x20
