"""Opening a bus and making sure of everything on it before the robot counts as configured."""

from collections.abc import Callable
from dataclasses import dataclass

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.calibration import Calibration
from hal.dynamixel.capacity import check_capacity, check_latency_timer
from hal.dynamixel.census import take_census
from hal.dynamixel.cycle import StateCycle
from hal.dynamixel.inspection import configure_return_delay, ensure_answers, inspect
from hal.dynamixel.port import SerialPort
from hal.dynamixel.port_users import refuse_shared_port
from hal.dynamixel.relax import torque_off
from hal.dynamixel.servo import Servo
from hal.dynamixel.servo_group import ServoGroup
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.state_block import choose_layout
from hal.errors import RobotWriteError
from hal.types import RobotSpec


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
    """`prepare` for some of the servos, which were rebooted; the others are not asked.

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
