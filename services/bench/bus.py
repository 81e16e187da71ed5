"""`mbctl bench bus`: the servo bus at 100 Hz and at its limit, next to the servo maker's client.

The bus is virtual: real bytes on a pseudo-terminal at the pace of the wire, adapter included.
"""

import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from hal.robots.registry import robot_spec
from hal.tracker import Tracker
from hal.trackers.udp import UdpTracker
from services.bench.bus_clients import GOAL_BYTES, STATE_BYTES, OwnClient, RobotClient, SdkClient
from services.bench.bus_run import BusClient, BusRun, drive, rate_limit_hz
from services.bench.host import measure_host
from services.bench.report import Figure, Goal, Report, Say
from services.bench.yardstick import measure_yardstick
from sim.servo_bus.client import RunningBus, start_virtual_bus

RATE_HZ = 100.0
HOLD_S = 0.001
FACTORY_BAUD_RATE = 1_000_000
NOTES = (
    "Virtual servo bus in a process of its own: bytes at the baud rate, return delay 0, USB "
    "latency timer 1 ms, physics running. Not measured on physical servos.",
    "A cycle is one sync read of (126, 10) and one sync write of (116, 4), all servos; 'robot' is "
    "the whole hardware robot, whose read carries the safety registers, too.",
    "Every client runs at ordinary priority, without real-time measures.",
    "Limit: what packet sizes and baud rate allow, plus 1 ms of USB latency a read; neither "
    "servos' turnaround nor the host's own work is in it.",
)


@dataclass(frozen=True)
class BusSizes:
    """Attributes: `seconds` of each run; `baud_rates` at which the highest rate is measured."""

    seconds: float = 20.0
    baud_rates: tuple[int, ...] = (1_000_000, 3_000_000, 4_000_000)
    robots: tuple[str, ...] = ("dclaw", "dkitty")

    def lasting(self, seconds: float) -> "BusSizes":
        return replace(self, seconds=seconds)


QUICK = BusSizes(seconds=2.0, baud_rates=(1_000_000,), robots=("dclaw",))


def run_bus(sizes: BusSizes, say: Say, quick: bool = False) -> Report:
    """Measure; tells `say` what comes next.

    Raises:
        BenchmarkClientError: the baseline is not installed.
    """
    before = measure_host()
    say("yardstick")
    yardstick = measure_yardstick()
    figures: list[Figure] = []
    details: dict[str, object] = {"sizes": asdict(sizes)}
    for robot in sizes.robots:
        found, runs = _at_fixed_rate(robot, sizes.seconds, say)
        figures += found
        details |= runs
        for baud_rate in sizes.baud_rates:
            found, runs = _at_the_limit(robot, baud_rate, sizes.seconds, say)
            figures += found
            details |= runs
    return Report("bus", quick, figures, yardstick, before, measure_host(), NOTES, details)


def _at_fixed_rate(robot: str, seconds: float, say: Say) -> tuple[list[Figure], dict[str, object]]:
    words = f"{robot}, {RATE_HZ:g} Hz, 1 Mbaud"
    bodies = robot_spec(robot).bodies
    address = f"{HOST}:{free_udp_port()}" if bodies else ""
    tracker = UdpTracker(bodies, address) if bodies else None
    with start_virtual_bus(robot, tracker_udp=address, record=None) as bus:
        runs = {
            "robot": _robot(robot, bus, tracker, seconds, say, words),
            "own": _measure(OwnClient, robot, bus, seconds, 1 / RATE_HZ, say, f"own, {words}"),
            "sdk": _measure(SdkClient, robot, bus, seconds, 1 / RATE_HZ, say, f"SDK, {words}"),
        }
    sdk = runs["sdk"]
    figures: list[Figure] = []
    for name in ("own", "robot"):
        run = runs[name]
        figures += [
            Figure(f"cycle p50, {name}, {words}", run.work_p50_us, "us", "SDK", sdk.work_p50_us),
            Figure(f"cycle p99, {name}, {words}", run.work_p99_us, "us", "SDK", sdk.work_p99_us),
            Figure(
                f"lateness p99.9, {name}, {words}",
                run.lateness_p999_us,
                "us",
                "SDK",
                sdk.lateness_p999_us,
            ),
            Figure(
                f"complete cycles, {name}, {words}",
                run.success_rate,
                "",
                "SDK",
                sdk.success_rate,
                "value / baseline",
            ),
        ]
    return figures, {f"{name}, {words}": run.plain() for name, run in runs.items()}


def _at_the_limit(
    robot: str, baud_rate: int, seconds: float, say: Say
) -> tuple[list[Figure], dict[str, object]]:
    words = f"{robot}, {baud_rate / 1e6:g} Mbaud"
    at_one = baud_rate == FACTORY_BAUD_RATE
    with start_virtual_bus(robot, baud=baud_rate, record=None) as bus:
        own = _measure(OwnClient, robot, bus, seconds, None, say, f"own, {words}, limit")
        fast = _measure(
            _fast(OwnClient), robot, bus, seconds, None, say, f"own, fast read, {words}, limit"
        )
        sdk = _measure(SdkClient, robot, bus, seconds, None, say, f"SDK, {words}, limit")
    figures = [
        Figure(
            f"rate, own, {words}",
            own.rate_hz,
            "Hz",
            "limit of the wire",
            _limit(robot, baud_rate),
            "value / baseline",
            Goal("at least", 0.85) if at_one else None,
        ),
        Figure(
            f"rate, own, {words}",
            own.rate_hz,
            "Hz",
            "SDK",
            sdk.rate_hz,
            "value / baseline",
            Goal("at least", 1.5) if at_one else None,
        ),
        Figure(
            f"rate, own, fast read, {words}",
            fast.rate_hz,
            "Hz",
            "limit of the wire",
            _limit(robot, baud_rate, fast=True),
            "value / baseline",
        ),
    ]
    runs = {"own": own, "own, fast read": fast, "SDK": sdk}
    return figures, {f"{name}, {words}, limit": run.plain() for name, run in runs.items()}


Factory = Callable[[str, int, tuple[int, ...]], BusClient]


def _fast(client: type[OwnClient]) -> Factory:
    return lambda port, baud_rate, ids: client(port, baud_rate, ids, fast=True)


def _servo_ids(bus: RunningBus, robot: str) -> tuple[int, ...]:
    """Of the joints: those of objects come after them."""
    return tuple(servo["id"] for servo in bus.servos)[: len(robot_spec(robot).joints)]


def _measure(
    client: Factory,
    robot: str,
    bus: RunningBus,
    seconds: float,
    period_s: float | None,
    say: Say,
    words: str,
) -> BusRun:
    say(words)
    with client(bus.port, bus.settings.baud, _servo_ids(bus, robot)) as opened:
        return drive(opened, seconds, period_s)


def _robot(
    robot: str,
    bus: RunningBus,
    tracker: Tracker | None,
    seconds: float,
    say: Say,
    words: str,
) -> BusRun:
    say(f"robot, {words}")
    with RobotClient(robot, bus.port, bus.settings.baud, 1 / RATE_HZ, tracker) as client:
        return drive(client, seconds, 1 / RATE_HZ)


def _limit(robot: str, baud_rate: int, *, fast: bool = False) -> float:
    servos = len(robot_spec(robot).joints)
    return rate_limit_hz(servos, STATE_BYTES, GOAL_BYTES, baud_rate, HOLD_S, fast=fast)


HOST = "127.0.0.1"


def free_udp_port() -> int:
    """A UDP port that is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
