"""Every fault that can be asked for is seen by a client, and ends when it should."""

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from hal.dynamixel.packet import BROADCAST_ID, Instruction, Packet, encode_instruction
from hal.dynamixel.parser import PacketParser
from hal.dynamixel.port import PortError, SerialPort
from sim.servo_bus.client import RunningBus, start_virtual_bus
from sim.servo_bus.fault_kinds import FAULT_KINDS

POSITION = (132, 4)
SEEN: set[str] = set()


class Host:
    """A client that sees bytes, not only packets."""

    def __init__(self, path: str) -> None:
        self.port = SerialPort(path)
        self.crc_errors = self.skipped_bytes = 0

    def ask(
        self,
        servo_id: int,
        instruction: int,
        parameters: bytes = b"",
        *,
        wait_s: float = 0.15,
        enough: int = 99,
    ) -> list[Packet]:
        """All packets within `wait_s`, or the first `enough`; echoes of our own too."""
        self.port.discard_input()
        self.port.write(encode_instruction(servo_id, instruction, parameters))
        parser = PacketParser()
        packets: list[Packet] = []
        deadline_ns = time.monotonic_ns() + int(wait_s * 1e9)
        while len(packets) < enough and (data := self.port.read_some(deadline_ns)):
            packets += parser.feed(data)
        self.crc_errors, self.skipped_bytes = parser.crc_errors, parser.skipped_bytes
        return packets + parser.finish()

    def read(self, servo_id: int, address: int, length: int, **how: Any) -> list[Packet]:
        parameters = address.to_bytes(2, "little") + length.to_bytes(2, "little")
        return self.ask(servo_id, Instruction.READ, parameters, **how)

    def register(self, servo_id: int, address: int, length: int) -> int:
        """The value of a register of a servo that answers as it should."""
        (packet,) = self.read(servo_id, address, length, wait_s=5.0, enough=1)
        assert packet.servo_id == servo_id
        return int.from_bytes(packet.parameters, "little", signed=length == 4)

    def sync_read(self, ids: tuple[int, ...], address: int, length: int) -> list[Packet]:
        head = address.to_bytes(2, "little") + length.to_bytes(2, "little")
        return self.ask(BROADCAST_ID, Instruction.SYNC_READ, head + bytes(ids))

    def write(self, servo_id: int, address: int, value: int, length: int) -> list[Packet]:
        data = address.to_bytes(2, "little") + value.to_bytes(length, "little")
        return self.ask(servo_id, Instruction.WRITE, data, wait_s=0.5, enough=1)


@pytest.fixture
def host(bus: RunningBus) -> Iterator[Host]:
    host = Host(bus.port)
    yield host
    host.port.close()


@pytest.fixture
def inject(bus: RunningBus):
    """Puts a fault in force and notes that a test has seen it."""

    def put(fault: str, **parameters: object) -> None:
        SEEN.add(fault)
        bus.inject(fault, **parameters)

    return put


def test_drop_takes_as_many_answers_as_asked_for(host, inject):
    inject("drop", id=11, count=2)
    assert [len(host.read(11, *POSITION)) for _ in range(3)] == [0, 0, 1]
    inject("drop", id=11, count=1)
    found = host.sync_read((10, 11, 12), *POSITION)
    assert [packet.servo_id for packet in found] == [10, 12]


def test_probability_is_that_of_each_answer(bus, host, inject):
    inject("drop", probability=0.5)
    found = sum(len(host.sync_read((10, 11, 12, 20, 21, 22), *POSITION)) for _ in range(6))
    assert 4 < found < 32
    (fault,) = bus.faults()
    assert fault["struck"] == 36 - found


def test_a_fault_ends_with_its_time(bus, host, inject):
    inject("drop", duration_s=0.3)
    assert host.read(11, *POSITION, wait_s=0.1) == []
    bus.wait_for(lambda state: not state["faults"])
    assert len(host.read(11, *POSITION)) == 1


def test_clear_lifts_all(bus, host, inject):
    inject("drop")
    inject("mute", id=11)
    bus.clear()
    assert bus.faults() == []
    assert len(host.read(11, *POSITION)) == 1


@pytest.mark.parametrize("kind", ["delay", "late"])
def test_answers_come_late(host, inject, kind):
    inject(kind, id=11, count=1, delay_s=0.15)
    start = time.monotonic()
    host.port.write(encode_instruction(11, Instruction.PING))
    assert host.port.read_some(time.monotonic_ns() + 5_000_000_000)
    assert time.monotonic() - start > 0.15


def test_delay_holds_up_the_next_one_and_late_does_not(host, inject):
    inject("late", id=10, count=1, delay_s=0.05)
    assert [p.servo_id for p in host.sync_read((10, 11), *POSITION)] == [11, 10]
    inject("delay", id=10, count=1, delay_s=0.05)
    assert [p.servo_id for p in host.sync_read((10, 11), *POSITION)] == [10, 11]


def test_duplicate_comes_twice(host, inject):
    inject("duplicate", id=11, count=1)
    first, second = host.read(11, *POSITION)
    assert first == second


def test_flipped_bits_fail_the_checksum(host, inject):
    inject("flip", id=11, count=1, bits=3)
    assert host.read(11, *POSITION) == []
    assert host.crc_errors + host.skipped_bytes > 0


def test_a_truncated_answer_is_none(host, inject):
    inject("truncate", id=11, count=1, bytes=5)
    assert host.read(11, *POSITION) == []
    assert len(host.read(11, *POSITION)) == 1


def test_garbage_precedes_the_answer(host, inject):
    inject("garbage", id=11, count=1, bytes=9)
    (packet,) = host.read(11, *POSITION)
    assert packet.servo_id == 11
    assert host.skipped_bytes == 9


def test_a_foreign_status_precedes_the_answer(host, inject):
    inject("foreign", id=11, count=1, foreign_id=77)
    assert [packet.servo_id for packet in host.read(11, *POSITION)] == [77, 11]


def test_an_error_status_has_no_data(host, inject):
    inject("error_status", id=11, count=1, number=3)
    (packet,) = host.read(11, *POSITION)
    assert (packet.error, packet.parameters) == (3, b"")


@pytest.mark.parametrize("extra", [2, -2])
def test_a_status_of_the_wrong_length(host, inject, extra):
    inject("wrong_length", id=11, count=1, bytes=extra)
    (packet,) = host.read(11, *POSITION)
    assert len(packet.parameters) == 4 + extra


def test_encoder_jump_and_glitch_are_single_measurements(host, inject):
    before = host.register(11, *POSITION)
    inject("encoder_jump", id=11, count=1, ticks=700)
    assert host.register(11, *POSITION) == pytest.approx(before + 700, abs=5)
    assert host.register(11, *POSITION) == pytest.approx(before, abs=5)
    inject("glitch", id=11, count=1)
    (packet,) = host.sync_read((11,), *POSITION)
    assert packet.parameters == b"\xff\xff\xff\xff"
    assert host.register(11, *POSITION) == pytest.approx(before, abs=5)


def test_a_velocity_spike(host, inject):
    inject("velocity_spike", id=11, count=1, ticks=-5000)
    assert host.register(11, 128, 4) == pytest.approx(-5000, abs=5)
    assert host.register(11, 128, 4) == pytest.approx(0, abs=5)


def test_a_mute_servo_neither_hears_nor_answers(bus, host, inject):
    inject("mute", id=11)
    assert host.ask(11, Instruction.PING) == []
    host.write(11, 65, 1, 1)
    found = host.sync_read((10, 11, 12), *POSITION)
    assert [packet.servo_id for packet in found] == [10, 12]
    bus.clear()
    assert host.register(11, 65, 1) == 0


def test_a_chain_that_stops_at_a_mute_servo():
    with start_virtual_bus(chain="stop") as bus:
        host = Host(bus.port)
        bus.inject("mute", id=11)
        found = host.sync_read((10, 11, 12), *POSITION)
        assert [packet.servo_id for packet in found] == [10]
        host.port.close()


def test_a_reboot_whose_status_is_not_sent(bus, host, inject):
    inject("deaf_reboot", id=11, count=1)
    host.write(11, 65, 1, 1)
    assert host.ask(11, Instruction.REBOOT) == []
    deadline = time.monotonic() + 10
    while not host.ask(11, Instruction.PING, wait_s=0.05):
        assert time.monotonic() < deadline
    assert host.register(11, 65, 1) == 0  # RAM is as new
    assert len(host.ask(12, Instruction.REBOOT)) == 1
    time.sleep(0.4)


def test_two_servos_of_one_id_disturb_each_other(bus, host, inject):
    inject("duplicate_id", id=11)
    answers = [host.ask(11, Instruction.PING, wait_s=0.05) for _ in range(12)]
    assert any(len(packets) != 1 for packets in answers)
    assert any(len(packets) == 2 for packets in answers)
    assert len(host.ask(12, Instruction.PING)) == 1
    bus.clear()
    assert len(host.ask(11, Instruction.PING)) == 1


def test_heat_and_sag_are_measured_and_latched(bus, host, inject):
    inject("temperature", id=12, temperature_c=72.0)
    bus.wait_for(lambda _: host.register(12, 146, 1) == 72)
    assert host.register(12, 70, 1) == 0
    inject("temperature", id=12, temperature_c=95.0)
    bus.wait_for(lambda _: host.register(12, 70, 1) == 0x04)
    (packet,) = host.read(12, *POSITION)
    assert packet.error == 0x80
    inject("voltage_sag", id=10, voltage_v=9.0)
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
    bus, host, inject, kind, bits, keeps_torque
):
    present = host.register(20, *POSITION)
    host.write(20, 116, present, 4)
    host.write(20, 64, 1, 1)
    inject(kind, id=20)
    (packet,) = host.read(20, 70, 1)
    assert (packet.error, packet.parameters[0]) == (0x80, bits)
    assert host.register(20, 64, 1) == keeps_torque
    bus.clear()  # which does not unlatch
    assert host.register(20, 70, 1) == bits
    assert len(host.ask(20, Instruction.REBOOT)) == 1
    time.sleep(0.35)
    bus.wait_for(lambda _: len(host.ask(20, Instruction.PING, wait_s=0.05)) == 1)
    assert host.register(20, 70, 1) == 0


def test_a_brownout_starts_a_servo_anew(bus, host, inject):
    host.write(21, 98, 50, 1)
    host.write(21, 64, 1, 1)
    inject("brownout", id=21, silence_s=0.3)
    assert host.ask(21, Instruction.PING, wait_s=0.05) == []
    bus.wait_for(lambda _: len(host.ask(21, Instruction.PING, wait_s=0.05)) == 1)
    assert [host.register(21, address, 1) for address in (64, 98)] == [0, 0]
    assert host.register(21, 120, 2) < 10_000


def test_an_echo_comes_before_the_answer(host, inject):
    inject("echo")
    ping = encode_instruction(11, Instruction.PING)
    own, answer = host.ask(11, Instruction.PING)
    assert own.instruction == Instruction.PING
    assert own.raw_body == ping[7:-2]
    assert answer.instruction == Instruction.STATUS


@pytest.mark.parametrize("pattern", ["random", "zeros", "ones", "packets"])
def test_a_flood_fills_the_line(bus, host, inject, pattern):
    inject("flood", pattern=pattern)
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


def test_an_adapter_that_does_not_drain_blocks_writes(bus, host, inject):
    inject("stop_draining")
    with pytest.raises(PortError) as caught:
        host.port.write(encode_instruction(11, Instruction.PING))
    assert caught.value.reason == "PORT_STUCK"
    bus.clear()
    again = Host(bus.port)
    assert again.ask(11, Instruction.PING)
    again.port.close()


def test_unplugged_and_plugged_in_again(tmp_path, inject):
    link = tmp_path / "claw"
    with start_virtual_bus(port_link=str(link)) as bus:
        host = Host(bus.port)
        bus.inject("unplug")
        with pytest.raises(PortError) as caught:
            host.ask(11, Instruction.PING, wait_s=1.0)
        assert caught.value.reason == "PORT_LOST"
        host.port.close()
        assert not link.is_symlink()
        assert not bus.state()["plugged"]
        assert bus.replug() == str(link)
        assert os.path.realpath(link) == bus.state()["port"]
        host = Host(bus.port)
        assert len(host.ask(11, Instruction.PING)) == 1
        host.port.close()
    SEEN.update(("unplug", "replug"))


def test_faults_from_a_file_are_in_force_from_the_start(tmp_path):
    path = tmp_path / "faults.json"
    path.write_text('[{"fault": "mute", "id": 12}, {"fault": "overload", "id": 11}]')
    with start_virtual_bus(faults=str(path)) as bus:
        host = Host(bus.port)
        assert host.ask(12, Instruction.PING, wait_s=0.1) == []
        assert host.register(11, 70, 1) == 0x20
        host.port.close()


def test_every_fault_was_seen(request):
    if len(request.session.items) < 20:
        pytest.skip("only with the tests before it")
    assert set(FAULT_KINDS) - SEEN == set()
