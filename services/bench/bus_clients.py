"""The clients that `mbctl bench bus` holds against each other: ours and the servo maker's own.

All read (126, 10), current, velocity and position, of every servo and write its goal position.
"""

from types import ModuleType
from typing import Any, Self

from hal.clock import WallClock
from hal.dynamixel.bus import ServoBus
from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.port import SerialPort
from hal.dynamixel.robot import DynamixelRobot
from hal.dynamixel.settings import BusSettings
from hal.robots.registry import robot_spec
from hal.tracker import Tracker
from hal.types import JointCommand

STATE_ADDRESS, STATE_BYTES = 126, 10
GOAL_ADDRESS, GOAL_BYTES = 116, 4
_POSITION_ADDRESS = 132
_READ_S = 0.02


class BenchmarkClientError(Exception):
    """A client is not installed or cannot open the port."""


class OwnClient:
    """hal.dynamixel's bus.

    Args:
        fast: by fast sync read.
    """

    def __init__(
        self, port: str, baud_rate: int, servo_ids: tuple[int, ...], *, fast: bool = False
    ) -> None:
        self._where = port, baud_rate
        self._ids = servo_ids
        self._fast = fast

    def __enter__(self) -> Self:
        self._port = SerialPort(*self._where)
        self._bus = ServoBus(self._port)
        return self

    def __exit__(self, *error: object) -> None:
        self._port.close()

    def cycle(self) -> bool:
        reply = self._bus.sync_read(
            self._ids, STATE_ADDRESS, STATE_BYTES, timeout_s=_READ_S, fast=self._fast
        )
        if reply.missing:
            return False
        self._bus.sync_write(
            GOAL_ADDRESS,
            {i: data[_POSITION_ADDRESS - STATE_ADDRESS :] for i, data in reply.data.items()},
        )
        return True


class SdkClient:
    """dynamixel_sdk as it is shipped: GroupSyncRead and GroupSyncWrite.

    Raises:
        BenchmarkClientError: it is not installed, or cannot open the port.
    """

    def __init__(
        self, port: str, baud_rate: int, servo_ids: tuple[int, ...], *, fast: bool = False
    ) -> None:
        self._where = port, baud_rate
        self._ids = servo_ids
        self._fast = fast

    def __enter__(self) -> Self:
        sdk = _sdk()
        path, baud_rate = self._where
        self._port = sdk.PortHandler(path)
        if not (self._port.openPort() and self._port.setBaudRate(baud_rate)):
            raise BenchmarkClientError(f"dynamixel_sdk cannot open {path} at {baud_rate} baud")
        packets = sdk.PacketHandler(2.0)
        self._reader = sdk.GroupSyncRead(self._port, packets, STATE_ADDRESS, STATE_BYTES)
        self._writer = sdk.GroupSyncWrite(self._port, packets, GOAL_ADDRESS, GOAL_BYTES)
        for servo_id in self._ids:
            self._reader.addParam(servo_id)
        return self

    def __exit__(self, *error: object) -> None:
        self._port.closePort()

    def cycle(self) -> bool:
        read = self._reader.fastSyncRead if self._fast else self._reader.txRxPacket
        if read() != 0:
            return False
        for servo_id in self._ids:
            goal = self._reader.getData(servo_id, _POSITION_ADDRESS, GOAL_BYTES)
            self._writer.addParam(servo_id, goal.to_bytes(GOAL_BYTES, "little"))
        self._writer.txPacket()
        self._writer.clearParam()
        return True


def _sdk() -> ModuleType | Any:
    try:
        import dynamixel_sdk
    except ImportError as error:
        raise BenchmarkClientError(
            "dynamixel_sdk, the baseline, is not installed: pip install dynamixel-sdk"
        ) from error
    return dynamixel_sdk


# A bus that shares processors with everything else may stand still: those cycles count as failed.
_COMM_FAULT_S = 1.0


class RobotClient:
    """An active robot that is told to stay where it is.

    Args:
        tracker: for a robot with bodies.
    """

    def __init__(
        self, model: str, port: str, baud_rate: int, period_s: float, tracker: Tracker | None
    ) -> None:
        spec = robot_spec(model)
        self._robot = DynamixelRobot(
            spec,
            default_calibration(model),
            port,
            BusSettings(
                bus_period_s=min(period_s, 0.02),
                comm_fault_s=_COMM_FAULT_S,
            ),
            WallClock(),
            period_s=period_s,
            baud_rate=baud_rate,
            tracker=tracker,
        )

    def __enter__(self) -> Self:
        self._robot.configure()
        self._robot.activate()
        spec = self._robot.spec
        held = self._robot.read().joint_position_rad
        self._command = JointCommand(held.clip(spec.position_min_rad, spec.position_max_rad))
        return self

    def __exit__(self, *error: object) -> None:
        self._robot.close()

    def cycle(self) -> bool:
        """One read, one write.

        Raises:
            RobotReadError, RobotWriteError: the robot had to be stopped.
        """
        state = self._robot.read()
        self._robot.write(self._command)
        return bool(state.valid.all())
