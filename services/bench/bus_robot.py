"""The whole hardware robot as a client to measure: what a control step really costs on the bus."""

from typing import Self

from hal.clock import WallClock
from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.robot import DynamixelRobot
from hal.dynamixel.settings import BusSettings
from hal.robots.registry import robot_spec
from hal.tracker import Tracker
from hal.types import JointCommand

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
