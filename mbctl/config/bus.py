"""How a controller reaches a robot of servos: its bus, and what tells the pose of its torso.

The control process takes these classes as they are, so that a key is named and checked once.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mbctl.config.address import Address
from mbctl.config.frozen import Frozen

BackendName = Literal["mujoco", "dynamixel", "virtual-bus"]

SIMULATED_BACKENDS: tuple[str, ...] = ("mujoco", "virtual-bus")
"""Nothing real moves."""
BUS_BACKENDS: tuple[str, ...] = ("dynamixel", "virtual-bus")
"""Servos on a serial port, which runs in real time."""

WATCHDOG_UNIT_S = 0.02


class BusConfig(Frozen):
    """What is done with the servo bus, and when it counts as lost."""

    bus_period_s: float = Field(default=0.02, ge=0.005, le=0.2)
    """The bus is looked at this often, also between the control steps."""
    watchdog_s: float = Field(default=0.1, ge=WATCHDOG_UNIT_S, le=2.54)
    """Servos that hear nothing for so long stop by themselves; a multiple of 0.02 s."""
    cycle_budget_s: float = Field(default=0.018, ge=0.002, le=0.1)
    """One look at the bus, with a second chance for who was mute, takes no longer."""
    turnaround_s: float = Field(default=0.004, ge=0.0005, le=0.1)
    """Servos, adaptor and this machine may take so long to answer, besides the time on the wire."""
    misses_degraded: int = Field(default=3, ge=1, le=100)
    """So many missing answers of one servo in a row freeze the goals."""
    comm_fault_s: float = Field(default=0.1, ge=0.02, le=1)
    """A servo that is silent for longer is a fault."""
    relax_on_connect: bool = False
    """Switch torque off where it is found on; otherwise it is only reported."""
    configure_servos: bool = False
    """Set the return delay of servos to zero where it is not."""
    allow_no_watchdog: bool = False
    """Let servos move whose firmware has no bus watchdog."""
    allow_unexpected_servos: bool = False
    """Accept servos on the bus that are not the robot's."""
    latency_timer_max_ms: int = Field(default=1, ge=1, le=255)
    """The USB adaptor may hold answers back for so long."""
    fast_reads: bool = True
    """Read all servos with one answer where their firmware can."""
    voltage_min_v: float = Field(default=10.0, ge=5, le=16)
    """Motion stops below this supply."""
    voltage_low_s: float = Field(default=0.5, gt=0, le=2)
    """A supply below that for so long stops the motion; shorter ones are starting motors."""
    enable_temperature_max_c: float = Field(default=60.0, ge=20, le=80)
    """A servo hotter than this gets no torque."""
    warn_temperature_c: float = Field(default=70.0, ge=20, le=80)
    """A servo hotter than this is warned of."""
    stop_temperature_c: float = Field(default=75.0, ge=20, le=90)
    """A servo hotter than this stops the robot."""
    soft_start_s: float = Field(default=1.0, gt=0, le=10)
    """Servos move slowly for so long after an activation."""

    @model_validator(mode="after")
    def _consistent(self) -> "BusConfig":
        units = self.watchdog_s / WATCHDOG_UNIT_S
        if abs(units - round(units)) > 1e-6:
            raise ValueError(
                f"watchdog_s = {self.watchdog_s}: servos count in steps of {WATCHDOG_UNIT_S} s"
            )
        if self.bus_period_s > self.watchdog_s / 2:
            raise ValueError(
                f"bus_period_s = {self.bus_period_s} must be at most half of "
                f"watchdog_s = {self.watchdog_s}: one late look would stop the servos"
            )
        return self


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
    stale_s: float = Field(default=0.1, gt=0, le=5)
    """A pose older than this is not valid."""

    @model_validator(mode="after")
    def _consistent(self) -> "TrackerConfig":
        if self.kind == "udp" and self.listen.startswith(("unix:", "unix-abstract:")):
            raise ValueError(f"listen = {self.listen!r}: datagrams need host:port")
        return self
