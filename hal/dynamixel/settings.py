"""How a robot on the bus is driven; the defaults are what a first bring-up should use."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval

from hal.dynamixel.units import WATCHDOG_S
from hal.settings import check_ranges


@dataclass(frozen=True, slots=True)
class BusSettings:
    """What is done with the servo bus, and when it counts as lost.

    Raises:
        ValueError: a value out of its range, or a bus period that would trip the watchdog.
    """

    bus_period_s: Annotated[float, Interval(ge=0.005, le=0.2)] = 0.02
    """The bus is looked at this often, also between the control steps."""
    watchdog_s: Annotated[float, Interval(ge=WATCHDOG_S, le=127 * WATCHDOG_S)] = 0.1
    """Bus watchdog: servos stop when they receive nothing for so long; a multiple of 0.02 s."""
    cycle_budget_s: Annotated[float, Interval(ge=0.002, le=0.5)] = 0.018
    """One look at the bus, with a retry for silent servos, takes no longer."""
    turnaround_s: Annotated[float, Interval(ge=0.0005, le=0.1)] = 0.004
    """Servos, adaptor and this machine may take so long to answer, besides the time on the wire."""
    misses_degraded: Annotated[int, Interval(ge=1, le=100)] = 3
    """So many missing answers of one servo in a row freeze the goals."""
    comm_fault_s: Annotated[float, Interval(ge=0.02, le=5)] = 0.1
    """A servo that is silent for longer is a fault."""
    scan_s: Annotated[float, Interval(ge=0.05, le=5)] = 0.8
    """Time given to a broadcast ping, which looks for duplicate and unknown ids."""
    relax_on_connect: bool = False
    """Switch torque off where it is found on; otherwise it is only reported, and servos keep
    holding until activated or relaxed."""
    configure_servos: bool = False
    """Set the return delay of servos to zero where it is not and torque is off."""
    allow_no_watchdog: bool = False
    """Let servos move whose firmware, below 38, has no bus watchdog: they go on after the process
    that drives them is gone."""
    allow_unexpected_servos: bool = False
    """Accept servos on the bus that are not the robot's."""
    latency_timer_max_ms: Annotated[int, Interval(ge=1, le=255)] = 1
    """The USB adaptor may hold answers back for so long."""
    fast_reads: bool = True
    """Read all servos with one answer (Fast Sync Read) where their firmware can."""
    voltage_min_v: Annotated[float, Interval(ge=5, le=16)] = 10.0
    """Motion stops below this supply: the least of the range that the maker states for 12 V
    servos, which raise an alert of their own at 9.5 V."""
    voltage_low_s: Annotated[float, Interval(gt=0, le=2)] = 0.5
    """A supply below that for so long, without a break, stops the motion; motors that start at
    once pull a long cable down for some hundredths of a second."""
    enable_temperature_max_c: Annotated[float, Interval(ge=20, le=80)] = 60.0
    """A servo as hot as this gets no torque."""
    warn_temperature_c: Annotated[float, Interval(ge=20, le=80)] = 70.0
    """A servo as hot as this is warned of."""
    stop_temperature_c: Annotated[float, Interval(ge=20, le=90)] = 75.0
    """A servo as hot as this stops the robot."""
    soft_start_s: Annotated[float, Interval(gt=0, le=10)] = 1.0
    """Servos move slowly for so long after an activation."""
    soft_start_velocity_rad_s: Annotated[float, Interval(gt=0, le=5)] = 0.5
    """No joint is faster than this meanwhile."""
    profile_velocity_rad_s: Annotated[float, Interval(gt=0, le=10)] | None = None
    """The servos' own speed limit after that; none when not set, as in the simulation."""
    seed_timeout_s: Annotated[float, Interval(gt=0, le=30)] = 2.0
    """Time that a robot without torque may take to come to rest before activation."""
    object_velocity_rad_s: Annotated[float, Interval(gt=0, le=10)] = 2.0
    """Speed at which a reset turns an object."""
    object_velocity_max_rad_s: Annotated[float, Interval(gt=0, le=100)] = 20.0
    """No object turns faster; a larger step is a wrong measurement."""

    def __post_init__(self) -> None:
        check_ranges(self)
        units = self.watchdog_s / WATCHDOG_S
        if abs(units - round(units)) > 1e-6:
            raise ValueError(
                f"watchdog_s = {self.watchdog_s}: servos count in steps of {WATCHDOG_S} s"
            )
        if self.bus_period_s > self.watchdog_s / 2:
            raise ValueError(
                f"bus_period_s = {self.bus_period_s} must be at most half of "
                f"watchdog_s = {self.watchdog_s}: one late look would stop the servos"
            )

    @property
    def watchdog_units(self) -> int:
        """Value of the Bus Watchdog register (98)."""
        return round(self.watchdog_s / WATCHDOG_S)
