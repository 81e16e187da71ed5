"""Which robot a controller has, how it reaches it, and what tells its bodies' poses."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from hal.backends import BACKENDS, UnknownBackendError
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.units import DEFAULT_BAUD_RATE
from hal.errors import UnknownRobotError
from hal.registry import NAME_PATTERN
from hal.robots.registry import ROBOTS, robot_spec
from hal.trackers.filter import STALE_S
from mbctl.config.endpoints import Listen
from mbctl.config.typed import Frozen


def _known_robot(name: str) -> str:
    try:
        return ROBOTS[name].spec.model
    except UnknownRobotError as error:
        raise ValueError(str(error)) from error


def _known_backend(name: str) -> str:
    try:
        BACKENDS[name]
    except UnknownBackendError as error:
        raise ValueError(str(error)) from error
    return name


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
RobotModel = Annotated[str, AfterValidator(_known_robot)]
"""A robot model of this project or of an installed package."""
BackendName = Annotated[str, AfterValidator(_known_backend)]
"""What carries the robot's commands out."""


class TrackerConfig(Frozen):
    """What tells the pose of bodies that the joints do not tell."""

    kind: Literal["udp", "openvr"] = "udp"
    """udp: JSON datagrams of a motion capture system; openvr: HTC Vive trackers."""
    listen: Listen = "127.0.0.1:9763"
    """udp: host:port on which datagrams arrive."""
    devices: dict[str, str] = Field(default={})
    """Body to the tracker's own name of it: for udp the name in the datagrams, for openvr the
    serial number or index of the device."""
    mounting: dict[str, tuple[float, float, float, float]] = Field(default={})
    """openvr: body to the quaternion w, x, y, z of a device that is not mounted level and looking
    ahead."""
    stale_s: float = Field(default=STALE_S, gt=0, le=5)
    """A pose older than this is not valid."""

    @model_validator(mode="after")
    def _consistent(self) -> "TrackerConfig":
        if self.kind == "udp" and self.listen.startswith(("unix:", "unix-abstract:")):
            raise ValueError(f"listen = {self.listen!r}: datagrams need host:port")
        return self


class RobotConfig(Frozen):
    """Which robot this controller owns."""

    name: Name = "dclaw0"
    """Names this one robot; unique at its trainer."""
    model: RobotModel = "dclaw"
    """Robot model."""
    backend: BackendName = "mujoco"
    """What moves: mujoco is the simulated twin, dynamixel the servos on `port`, virtual-bus the
    simulated servos behind the `port` of `mbctl virtual-bus`."""
    port: str = Field(default="", max_length=4096)
    """Serial port; a name that stays when it is plugged in again, such as /dev/serial/by-id/..."""
    baud_rate: int = Field(default=DEFAULT_BAUD_RATE, ge=1)
    """As the servos are set."""
    calibration: Path | None = None
    """File that `mbctl calibrate` wrote; without one, the robot is taken as built by ROBEL."""
    bus: BusSettings = BusSettings()
    actuator: Literal["servo", "robel"] = "servo"
    """Of the virtual bus that `mbctl up` starts: servo: joints are as stiff as P gain and motor of
    the servos make them; robel: MuJoCo's soft actuator, to compare with the backend mujoco."""
    tracker: TrackerConfig | None = None
    """Only for a robot with tracked bodies, on a bus; the simulated twin needs none."""

    @property
    def is_on_bus(self) -> bool:
        """Whether it consists of servos on a serial port, real or not."""
        return BACKENDS[self.backend].is_on_bus

    @model_validator(mode="after")
    def _consistent(self) -> "RobotConfig":
        if self.actuator != "servo" and self.backend != "virtual-bus":
            raise ValueError(
                f"actuator {self.actuator!r} is of backend 'virtual-bus', not of {self.backend!r}"
            )
        rates = BACKENDS[self.backend].baud_rates
        if rates and self.baud_rate not in rates:
            raise ValueError(
                f"baud_rate = {self.baud_rate}: servos of backend {self.backend!r} can be set to "
                + ", ".join(str(rate) for rate in rates)
            )
        if self.is_on_bus and not self.port:
            raise ValueError(
                f"backend {self.backend!r} needs robot.port, the serial port of the servos, "
                "such as /dev/serial/by-id/..."
            )
        if self.is_on_bus and self.tracker is None and (bodies := robot_spec(self.model).bodies):
            raise ValueError(
                f"model {self.model!r} on backend {self.backend!r} needs robot.tracker: its "
                f"joints do not tell where its {bodies[0]} is"
            )
        return self
