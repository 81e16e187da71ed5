"""How a controller reaches its robot, and what tells the pose of its torso."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hal.trackers.filter import STALE_S
from mbctl.config.address import Address
from mbctl.config.frozen import Frozen

BackendName = Literal["mujoco", "dynamixel", "virtual-bus"]

SIMULATED_BACKENDS: tuple[str, ...] = ("mujoco", "virtual-bus")
"""Nothing real moves."""
BUS_BACKENDS: tuple[str, ...] = ("dynamixel", "virtual-bus")
"""Servos on a serial port, which runs in real time."""


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
