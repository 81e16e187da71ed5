"""Which robot on which port a bring-up command is about, and how its commands are typed."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from hal.description import ServoJoint
from hal.dynamixel.calibration import (
    Calibration,
    CalibrationError,
    default_calibration,
    load_calibration,
)
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.units import DEFAULT_BAUD_RATE


@dataclass(frozen=True)
class Target:
    """A robot and how it is reached.

    Attributes:
        calibration: which servo is which joint; ids come from here.
        calibration_path: file that it was read from, None for the values of the robot model.
        port: serial device; empty while it is not known.
        baud_rate: bits per second.
        run_dir: where the controller will write.
        bus_period_s: how often the controller will look at the bus.
    """

    calibration: Calibration
    calibration_path: Path | None = None
    port: str = ""
    baud_rate: int = DEFAULT_BAUD_RATE
    run_dir: Path = field(default=Path("runs/default"))
    bus_period_s: float = BusSettings().bus_period_s

    @property
    def robot(self) -> str:
        """Model of the robot, such as "dclaw"."""
        return self.calibration.robot_model

    @property
    def servos(self) -> tuple[ServoJoint, ...]:
        """All servos of the model: joints, objects, guides."""
        return self.calibration.servos

    @property
    def required_ids(self) -> tuple[int, ...]:
        """Ids without which the robot cannot be used; a guide may be absent."""
        guides = self.calibration.guides
        return tuple(s.servo_id for s in self.servos if s not in guides)

    def name_of(self, servo_id: int) -> str:
        """The joint that servo `servo_id` moves or senses; empty for an id of another device."""
        return next((s.name for s in self.servos if s.servo_id == servo_id), "")

    def command(self, verb: str, *arguments: str) -> str:
        """An mbctl command about this robot, as it is typed."""
        words = ["mbctl", verb, "--robot", self.robot]
        words += ["--port", self.port] if self.port else []
        words += ["--baud", str(self.baud_rate)] if self.baud_rate != DEFAULT_BAUD_RATE else []
        if self.calibration_path is not None:
            words += ["--calibration", str(self.calibration_path)]
        return shlex.join((*words, *arguments))


def calibration_of(robot: str, path: Path | None) -> Calibration:
    """The calibration in `path`, or the values of robot model `robot`.

    Raises:
        CalibrationError: the file is not readable, not one, or one of another model.
        UnknownRobotError: a model that is not made of Dynamixel servos.
    """
    if path is None:
        return default_calibration(robot)
    return _of_model(load_calibration(path), robot, path)


def _of_model(calibration: Calibration, robot: str, path: Path) -> Calibration:
    if calibration.robot_model != robot:
        raise CalibrationError(
            f"calibration {path} is of a {calibration.robot_model}, and this is a {robot}"
        )
    return calibration
