"""How a robot on the bus is driven; the defaults are what a first bring-up should use."""

from dataclasses import dataclass, fields
from math import isfinite

from hal.dynamixel.units import WATCHDOG_S

_WATCHDOG_MAX_S = 127 * WATCHDOG_S


@dataclass(frozen=True, slots=True)
class DynamixelSettings:
    """Times in s, angles in rad.

    Attributes:
        port: device path; /dev/serial/by-id/... survives replugging.
        baud_rate: of all servos.
        bus_period_s: between two cycles on the bus; control steps may be rarer.
        watchdog_s: a servo that hears nothing for so long stops by itself.
        cycle_budget_s: a read with its retry takes no longer.
        turnaround_s: allowed to a servo, its adaptor and this host before a reply counts as lost.
        misses_degraded: reads in a row that one servo may miss before goals are frozen.
        comm_fault_s: a servo that is silent for longer is a fault.
        scan_s: time given to a broadcast ping, which looks for duplicate and unknown ids.
        latency_timer_max_ms: of the USB adaptor.
        relax_on_connect: take torque off servos that are found with torque on; else they keep
            holding until activated or relaxed.
        configure_servos: set Return Delay Time to 0 where torque is off.
        allow_no_watchdog: accept firmware below 38, whose servos go on after this process is gone.
        allow_unexpected_servos: accept ids on the bus that are not the robot's.
        voltage_min_v: below it motion stops: the least of the range that the maker states for 12 V
            servos; they raise an alert of their own at 9.5 V.
        voltage_low_s: so long, without a break; all motors that start at once pull a long cable
            down for some hundredths of a second.
        enable_temperature_max_c: no torque on at or above it.
        warn_temperature_c, stop_temperature_c: a warning, a fault.
        soft_start_s: after torque on, for so long, no joint is faster than
            soft_start_velocity_rad_s.
        profile_velocity_rad_s: the servos' own speed limit after that; None for none, as in the
            simulation.
        seed_timeout_s: how long a limp robot may take to come to rest before torque on.
        object_velocity_rad_s: speed at which a reset turns an object.
        object_velocity_max_rad_s: no object turns faster; a larger step is a wrong measurement.
        fast_reads: use Fast Sync Read where every servo's firmware has it.

    Raises:
        ValueError: a number out of its range, named with it.
    """

    port: str
    baud_rate: int = 1_000_000
    bus_period_s: float = 0.02
    watchdog_s: float = 0.1
    cycle_budget_s: float = 0.018
    turnaround_s: float = 0.004
    misses_degraded: int = 3
    comm_fault_s: float = 0.1
    scan_s: float = 0.8
    latency_timer_max_ms: int = 1
    relax_on_connect: bool = False
    configure_servos: bool = False
    allow_no_watchdog: bool = False
    allow_unexpected_servos: bool = False
    voltage_min_v: float = 10.0
    voltage_low_s: float = 0.5
    enable_temperature_max_c: float = 60.0
    warn_temperature_c: float = 70.0
    stop_temperature_c: float = 75.0
    soft_start_s: float = 1.0
    soft_start_velocity_rad_s: float = 0.5
    profile_velocity_rad_s: float | None = None
    seed_timeout_s: float = 2.0
    object_velocity_rad_s: float = 2.0
    object_velocity_max_rad_s: float = 20.0
    fast_reads: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if is_number and not (isfinite(value) and value > 0):
                raise ValueError(f"{field.name} is {value}, expected a positive number")
        if not self.port:
            raise ValueError("port is empty, expected a device path such as /dev/ttyUSB0")
        self._check_times()

    def _check_times(self) -> None:
        if not WATCHDOG_S <= self.watchdog_s <= _WATCHDOG_MAX_S:
            raise ValueError(
                f"watchdog_s is {self.watchdog_s}, expected {WATCHDOG_S} to {_WATCHDOG_MAX_S}"
            )
        if self.bus_period_s > self.watchdog_s / 2:
            raise ValueError(
                f"bus_period_s is {self.bus_period_s}, expected at most half of watchdog_s "
                f"({self.watchdog_s}), or one lost packet trips the servos' watchdog"
            )

    @property
    def watchdog_units(self) -> int:
        """Value of the Bus Watchdog register (98), never longer than `watchdog_s`."""
        return max(1, int(self.watchdog_s / WATCHDOG_S + 1e-9))
