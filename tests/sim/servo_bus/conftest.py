"""A running bus for the tests of this folder, and the servo maker's own client."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dynamixel_sdk
import pytest

from sim.servo_bus.client import RunningBus, start_virtual_bus

SERVO_IDS = (10, 11, 12, 20, 21, 22, 30, 31, 32, 50, 60)


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


@pytest.fixture(scope="module")
def shared_bus() -> Iterator[RunningBus]:
    """One bus for a whole module, as it was left by the test before but for its faults."""
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
