"""A running bus for the tests of this folder, and the servo maker's own client."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dynamixel_sdk
import pytest

from hal.dynamixel.packet import BROADCAST_ID, Instruction, Packet, encode_instruction
from hal.dynamixel.parser import PacketParser
from hal.dynamixel.port import SerialPort
from sim.servo_bus.client import RunningBus, start_virtual_bus

SERVO_IDS = (10, 11, 12, 20, 21, 22, 30, 31, 32, 50, 60)


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


@dataclass
class Sdk:
    """The maker's client on a port."""

    port: Any
    packets: Any

    def read(self, servo_id: int, address: int, length: int) -> tuple[bytes, int, int]:
        data, result, error = self.packets.readTxRx(self.port, servo_id, address, length)
        return bytes(data), result, error

    def sync_read(self, ids: tuple[int, ...], address: int, length: int, fast: bool = False) -> Any:
        """A group after one exchange; its result code is `.result`."""
        group = dynamixel_sdk.GroupSyncRead(self.port, self.packets, address, length)
        for servo_id in ids:
            assert group.addParam(servo_id)
        group.result = group.fastSyncRead() if fast else group.txRxPacket()
        return group


@pytest.fixture
def start_bus() -> Iterator[Callable[..., RunningBus]]:
    """Starts buses that end with the test."""
    buses: list[RunningBus] = []

    def start(robot: str = "dclaw", **options: Any) -> RunningBus:
        buses.append(start_virtual_bus(robot, **options))
        return buses[-1]

    yield start
    for bus in buses:
        bus.close()


@pytest.fixture(scope="session")
def shared_bus() -> Iterator[RunningBus]:
    """One bus for all tests, as it was left by the test before but for its faults."""
    with start_virtual_bus("dclaw") as running:
        yield running


@pytest.fixture
def bus(shared_bus: RunningBus) -> RunningBus:
    shared_bus.clear()
    return shared_bus


@pytest.fixture
def connect() -> Iterator[Callable[..., Sdk]]:
    """Opens ports with the SDK and closes them after the test."""
    ports: list[Any] = []

    def open_port(path: str, baud: int = 1_000_000) -> Sdk:
        port = dynamixel_sdk.PortHandler(path)
        port.baudrate = baud
        assert port.openPort()
        ports.append(port)
        return Sdk(port, dynamixel_sdk.PacketHandler(2.0))

    yield open_port
    for port in ports:
        port.closePort()


@pytest.fixture
def sdk(bus: RunningBus, connect: Callable[..., Sdk]) -> Sdk:
    return connect(bus.port)


@pytest.fixture
def open_host() -> Iterator[Callable[[str], Host]]:
    """Opens hosts that are closed after the test."""
    hosts: list[Host] = []

    def open_port(path: str) -> Host:
        hosts.append(Host(path))
        return hosts[-1]

    yield open_port
    for one in hosts:
        one.port.close()


@pytest.fixture
def host(bus: RunningBus, open_host: Callable[[str], Host]) -> Host:
    return open_host(bus.port)
