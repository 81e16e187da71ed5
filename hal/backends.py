"""What can carry a robot's commands out, by the name that a configuration gives it.

Only names stand here: each driver is imported where it is used, so that a real robot needs no
MuJoCo and a simulated one no serial port. Drivers of other packages come in by the entry points
`mbctl.backends`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from pkgutil import resolve_name

from hal.clock import Clock
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.units import DEFAULT_BAUD_RATE, PORT_BAUD_RATES
from hal.errors import HalError
from hal.registry import Registry
from hal.robot import Robot
from hal.tracker import Tracker
from hal.types import RobotSpec


class UnknownBackendError(HalError):
    """No backend of that name."""

    reason = "UNKNOWN_BACKEND"


@dataclass(frozen=True)
class RobotSetup:
    """What a driver is told of the robot that it shall build.

    Attributes:
        spec: the robot model.
        period_s: control period.
        clock: stamps the measurements.
        backend: name under which rows tell of it.
        port, baud_rate: serial port of its servos; "" for none.
        calibration: file of this one robot; None for the values of the model.
        bus: times and limits of that bus.
        tracker: of its bodies, not yet started; None where there are none or the driver knows them.
    """

    spec: RobotSpec
    period_s: float
    clock: Clock
    backend: str
    port: str = ""
    baud_rate: int = DEFAULT_BAUD_RATE
    calibration: Path | None = None
    bus: BusSettings = field(default_factory=BusSettings)
    tracker: Tracker | None = None


BuildRobot = Callable[[RobotSetup], Robot]
"""Makes a robot, not yet configured; HalError or ValueError where the setup does not fit it."""
TorqueOff = Callable[[str, int, Sequence[int]], Sequence[int]]
"""Takes torque off the servos with these ids at (port, baud rate); those that did not confirm it.
It bounds its own time."""


@dataclass(frozen=True)
class Backend:
    """One driver.

    Attributes:
        build: "module:function", a BuildRobot.
        is_simulated: nothing real moves.
        is_on_bus: servos on a serial port, which runs in real time and stays without its process.
        has_virtual_time: it keeps any pace, so that it may run in lockstep.
        torque_off: "module:function", a TorqueOff for when the robot's process is gone; "" where
            nothing stays on without it.
        baud_rates: that its servos can be set to, bits per second; () for any.
    """

    build: str
    is_simulated: bool = False
    is_on_bus: bool = False
    has_virtual_time: bool = False
    torque_off: str = ""
    baud_rates: tuple[int, ...] = ()

    def build_robot(self, setup: RobotSetup) -> Robot:
        """The robot, not yet configured.

        Raises:
            HalError, ValueError: the setup does not fit the driver.
        """
        build: BuildRobot = resolve_name(self.build)
        return build(setup)

    def load_torque_off(self) -> TorqueOff | None:
        """How to take torque off without the robot's process; None where there is no need."""
        return resolve_name(self.torque_off) if self.torque_off else None


BACKENDS = Registry[Backend]("backend", (__name__,), "mbctl.backends", UnknownBackendError)
_SERVOS = Backend(
    "hal.dynamixel.robot:build_robot",
    is_on_bus=True,
    torque_off="hal.dynamixel.relax:broadcast_torque_off",
    baud_rates=PORT_BAUD_RATES,
)
BACKENDS.define(
    "mujoco", Backend("sim.robot:build_robot", is_simulated=True, has_virtual_time=True), __name__
)
BACKENDS.define("dynamixel", _SERVOS, __name__)
BACKENDS.define("virtual-bus", replace(_SERVOS, is_simulated=True), __name__)


def is_simulated(name: str) -> bool:
    """Whether nothing real moves behind the backend of that name; an unknown one may be real."""
    return name in BACKENDS and BACKENDS[name].is_simulated
