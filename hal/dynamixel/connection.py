"""Opening a bus and making sure of everything on it before the robot counts as configured."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hal.clock import Clock
from hal.dynamixel.bus import ServoBus
from hal.dynamixel.calibration import Calibration
from hal.dynamixel.census import take_census
from hal.dynamixel.cycle import StateCycle
from hal.dynamixel.inspection import configure_return_delay, ensure_answers, inspect
from hal.dynamixel.port import SerialPort
from hal.dynamixel.port_users import refuse_shared_port
from hal.dynamixel.relax import torque_off
from hal.dynamixel.servo import Servo
from hal.dynamixel.servo_group import ServoGroup
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.state_block import BLOCK, choose_layout
from hal.errors import HalError, RobotReadError, RobotWriteError
from hal.types import RobotSpec

FIRST_PAUSE_S = 0.5
LAST_PAUSE_S = 5.0
_SAMPLES = 5
_USABLE = 0.9  # of a bus period

Session = TypeVar("Session")


@dataclass(frozen=True, slots=True)
class Connection:
    """A bus on which everything was found in order.

    Attributes:
        port: open.
        bus: on it.
        servos: [J + K] joints, then objects, with their goal limits.
        cycle: reads them all.
        warnings: what was found and stops nothing.
        setup_warnings: the same of settings, which the next activation looks at again.
    """

    port: SerialPort
    bus: ServoBus
    servos: tuple[Servo, ...]
    cycle: StateCycle
    warnings: tuple[str, ...]
    setup_warnings: tuple[str, ...]

    def close(self) -> None:
        """Release the port."""
        self.port.close()


def connect(
    port: SerialPort,
    spec: RobotSpec,
    calibration: Calibration,
    settings: BusSettings,
    period_s: float,
    now_ns: Callable[[], int],
) -> Connection:
    """Count and inspect the servos; no goal is written and no torque switched on.

    The port is closed when that fails.

    Raises:
        PortError: the port cannot be used.
        SharedPortError: another process reads it.
        BusCensusError: the servos are not the robot's.
        ServoSetupError: one of them is set up in an unsafe way.
        BusCapacityError: the line is too slow.
        RobotReadError: SERVO_SILENT.
        RobotWriteError: a setting did not hold.
    """
    try:
        refuse_shared_port(port.path)
        check_latency_timer(port, settings)
        bus = ServoBus(port, turnaround_s=settings.turnaround_s)
        return _verify(port, bus, spec, calibration, settings, period_s, now_ns)
    except BaseException:
        port.close()
        raise


def prepare(connection: Connection) -> None:
    """Write what servos forget when they are rebooted: answers to all, and the state block.

    Raises:
        RobotReadError: SERVO_SILENT.
        RobotWriteError: a setting did not hold.
    """
    ensure_answers(connection.bus, connection.servos)
    connection.cycle.layout = choose_layout(ServoGroup(connection.bus, connection.servos))


def prepare_again(connection: Connection, servos: list[Servo]) -> None:
    """`prepare` for some of the servos, which were rebooted; no packet goes to the others.

    Raises:
        RobotReadError: SERVO_SILENT.
        RobotWriteError: a setting did not hold.
    """
    ensure_answers(connection.bus, servos)
    choose_layout(ServoGroup(connection.bus, servos))


def _verify(
    port: SerialPort,
    bus: ServoBus,
    spec: RobotSpec,
    calibration: Calibration,
    settings: BusSettings,
    period_s: float,
    now_ns: Callable[[], int],
) -> Connection:
    found, extra = take_census(bus, calibration, settings)
    if settings.relax_on_connect:
        _relax(bus, found)
    ensure_answers(bus, found)
    if settings.configure_servos:
        configure_return_delay(bus, found)
    servos, setup_warnings = inspect(bus, found, spec)
    layout = choose_layout(ServoGroup(bus, servos))
    warnings = ()
    if extra:
        warnings = (f"UNEXPECTED_SERVO: ids {', '.join(map(str, extra))} are on the bus too",)
    cycle = StateCycle(bus, servos, settings, now_ns, layout)
    check_capacity(cycle, settings, period_s)
    return Connection(port, bus, tuple(servos), cycle, warnings, tuple(setup_warnings))


def _relax(bus: ServoBus, servos: list[Servo]) -> None:
    unconfirmed = torque_off(bus, [servo.id for servo in servos])
    if unconfirmed:
        raise RobotWriteError(
            f"torque may still be on in servos {', '.join(map(str, unconfirmed))}",
            reason="TORQUE_NOT_OFF",
        )


class BusCapacityError(HalError):
    """The line cannot carry the requested rate.

    Reasons: LATENCY_TIMER, RATE_TOO_HIGH.
    """

    reason = "RATE_TOO_HIGH"


def check_latency_timer(port: SerialPort, settings: BusSettings) -> None:
    """Pass unless the adaptor holds back answers for longer than allowed.

    Raises:
        BusCapacityError: LATENCY_TIMER; the message has the command that cures it.
    """
    timer_ms = None if port.low_latency else port.latency_timer_ms()
    if timer_ms is None or timer_ms <= settings.latency_timer_max_ms:
        return
    raise BusCapacityError(
        f"the adaptor at {port.path} holds answers back for {timer_ms} ms, allowed are "
        f"{settings.latency_timer_max_ms} ms: echo 1 | sudo tee "
        f"/sys/bus/usb-serial/devices/$(basename $(realpath {port.path}))/latency_timer",
        reason="LATENCY_TIMER",
    )


def check_capacity(cycle: StateCycle, settings: BusSettings, period_s: float) -> None:
    """Pass when the fastest of a few cycles fits the periods; they bring the first answers too.

    Measured at each connection, since replugging resets the adaptor.
    The long way of reading is for servos that hold still, so it may take its time.

    Raises:
        BusCapacityError: RATE_TOO_HIGH.
        PortError: the port is gone.
    """
    cycle.run()
    if cycle.layout.dtype != BLOCK:
        return
    fastest_s = float("inf")
    for _ in range(_SAMPLES):
        started_ns = time.monotonic_ns()
        cycle.run()
        fastest_s = min(fastest_s, (time.monotonic_ns() - started_ns) / 1e9)
    wanted_s = min(period_s, settings.bus_period_s)
    if fastest_s > _USABLE * wanted_s:
        raise BusCapacityError(
            f"one look at all servos takes {fastest_s * 1e3:.1f} ms, the shortest period is "
            f"{wanted_s * 1e3:.1f} ms: use a longer period, a higher baud rate or no return delay",
            reason="RATE_TOO_HIGH",
        )


class PortRecovery:
    """When to open a lost port again: with growing pauses, never in a burst.

    Attributes:
        cause: why the port was lost, or why it could not be opened again.
        owes_torque_off: a torque-off is unconfirmed; it is repeated before anything else.
        reconnections: so far.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pause_s = FIRST_PAUSE_S
        self._next_ns = 0
        self._torque_off_ns = 0
        self.cause = "never connected"
        self.owes_torque_off = False
        self.reconnections = 0

    def lost(self, cause: str) -> None:
        """The port was lost just now."""
        self.cause = cause
        self._pause_s = FIRST_PAUSE_S
        self._next_ns = self._clock.now_ns() + round(self._pause_s * 1e9)

    def is_torque_off_due(self) -> bool:
        """Whether to repeat an unconfirmed torque-off; True at most twice a second."""
        now_ns = self._clock.now_ns()
        if not self.owes_torque_off or now_ns < self._torque_off_ns:
            return False
        self._torque_off_ns = now_ns + round(FIRST_PAUSE_S * 1e9)
        return True

    def retry(self, connect: Callable[[], Session], port: str) -> Session:
        """Connect if it is time to.

        Raises:
            RobotReadError: BUS_LOST; it is not yet time, or it failed.
        """
        if self._clock.now_ns() < self._next_ns:
            raise RobotReadError(f"the bus at {port} is lost: {self.cause}", reason="BUS_LOST")
        try:
            session = connect()
        except HalError as error:
            self.cause = f"{error.reason}: {error}"
            self._pause_s = min(2 * self._pause_s, LAST_PAUSE_S)
            self._next_ns = self._clock.now_ns() + round(self._pause_s * 1e9)
            raise RobotReadError(
                f"the bus at {port} is lost and not back: {self.cause}; next try in "
                f"{self._pause_s:g} s",
                reason="BUS_LOST",
            ) from error
        self.reconnections += 1
        return session
