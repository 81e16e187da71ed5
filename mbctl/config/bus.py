"""Which robot a controller has, how it reaches it, and what tells its bodies' poses."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from hal.backends import BACKENDS, UnknownBackendError
from hal.errors import UnknownRobotError
from hal.robots.registry import ROBOTS
from hal.trackers.filter import STALE_S
from mbctl.config.address import Address
from mbctl.config.frozen import Frozen


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


RobotModel = Annotated[str, AfterValidator(_known_robot)]
"""A robot model of this project or of an installed package."""
BackendName = Annotated[str, AfterValidator(_known_backend)]
"""What carries the robot's commands out."""


class TrackerConfig(Frozen):
    """What tells the pose of bodies that the joints do not tell."""

    kind: Literal["udp", "openvr"] = "udp"
    """udp: JSON datagrams of a motion capture system; openvr: HTC Vive trackers."""
    listen: Annotated[str, Address()] = "127.0.0.1:9763"
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
