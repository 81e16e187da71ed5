"""Settings of a virtual bus, shared by its command line, its client and `mbctl`."""

from dataclasses import dataclass, fields
from typing import Annotated, Literal

from annotated_types import Interval

from hal.description import RobotDescription
from hal.errors import HalError, UnknownRobotError
from hal.robots.registry import ROBOTS
from hal.settings import check_ranges

WatchdogFeed = Literal["own", "any"]
ChainBehaviour = Literal["continue", "stop"]
Actuator = Literal["servo", "robel"]


class VirtualBusSettingsError(HalError):
    """A virtual bus that cannot be."""

    reason = "BUS_SETTINGS_INVALID"


@dataclass(frozen=True, slots=True)
class VirtualBusSettings:
    """One virtual bus.

    Attributes:
        robot: model of the robot that hangs on it.
        port_link: symbolic link to the pseudo-terminal, kept right over a replug; "" for none.
        baud: line rate that the servos are set to, bit/s.
        latency_ms: the USB adapter hands received bytes over when the line was quiet so long.
        return_delay_us: Return Delay Time of all servos; their factory value is 500 us.
        turnaround_us: what a servo needs before its return delay starts.
        paced: bytes take the time they need on a real line; off, answers come at once.
        firmware: of all servos.
        model: model number of all servos; 0 for those that the robot is built of.
        feed: which instructions feed a servo's bus watchdog: those for it, or all.
        chain: whether the next servo of a sync read answers when the one before stays silent.
        actuator: "servo": joints are as stiff as gains and motors of the servos make them; "robel":
            as the soft position actuators of the benchmark's model, to compare with MuJoCo alone.
        seed: of everything random in faults.
        faults: JSON file with a list of faults to begin with; "" for none.
        record: file for the recorder; "" for none.
        control: path of the Unix socket; "" for a fresh one in the temporary folder.
        tracker_udp: "host:port" that gets poses of the robot's bodies; "" for none.
        initial: name of the robot's pose at the start; "" for the first of its description.
        stop_with_stdin: end when standard input ends, so that the bus never outlives its owner.

    Raises:
        VirtualBusSettingsError: a value out of range; the message says which, and its range.
    """

    robot: str = "dclaw"
    port_link: str = ""
    baud: int = 1_000_000
    latency_ms: Annotated[float, Interval(ge=0.0, le=255.0)] = 1.0
    return_delay_us: Annotated[float, Interval(ge=0.0, le=508.0)] = 0.0
    turnaround_us: Annotated[float, Interval(ge=0.0, le=10_000.0)] = 0.0
    paced: bool = True
    firmware: Annotated[int, Interval(ge=1, le=255)] = 45
    model: int = 0
    feed: WatchdogFeed = "any"
    chain: ChainBehaviour = "continue"
    actuator: Actuator = "servo"
    seed: Annotated[int, Interval(ge=0, le=2**63 - 1)] = 0
    faults: str = ""
    record: str = ""
    control: str = ""
    tracker_udp: str = ""
    initial: str = ""
    stop_with_stdin: bool = False

    def __post_init__(self) -> None:
        from hal.dynamixel.control_table import MODEL_NUMBERS
        from hal.dynamixel.units import BAUD_RATES

        try:
            check_ranges(self)
        except ValueError as error:
            raise VirtualBusSettingsError(str(error)) from error
        self._check("baud", tuple(BAUD_RATES.values()))
        self._check("model", (0, *MODEL_NUMBERS))
        try:
            self._check("initial", ("", *self.description.initial_poses))
            _ = self.description.servo_layout
        except UnknownRobotError as error:
            raise VirtualBusSettingsError(f"robot is {self.robot!r}: {error}") from error

    @property
    def description(self) -> RobotDescription:
        """Of the robot."""
        return ROBOTS[self.robot]

    @property
    def initial_pose(self) -> str:
        """Name of the pose to start in."""
        return self.initial or next(iter(self.description.initial_poses))

    def model_of(self, servo_id: int) -> int:
        """Model number of this servo."""
        return self.model or self.description.servo_layout.model_of(servo_id)

    def command_line(self) -> list[str]:
        """Arguments of `python -m sim.servo_bus` that give these settings."""
        arguments: list[str] = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value == field.default:
                continue
            flag = "--" + field.name.replace("_", "-")
            if isinstance(value, bool):
                arguments.append(flag if value else flag.replace("--", "--no-", 1))
            else:
                arguments += [flag, str(value)]
        return arguments

    def _check(self, name: str, allowed: tuple[object, ...]) -> None:
        value = getattr(self, name)
        if value not in allowed:
            raise VirtualBusSettingsError(
                f"{name} is {value!r}, expected one of: {', '.join(map(repr, allowed))}"
            )
