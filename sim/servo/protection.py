"""What stops a servo by itself: latched hardware errors, and the bus watchdog.

Hardware Error Status (70) is latched until a reboot. Errors in the Shutdown mask (63) turn the
torque off and keep it off; others only set the alert bit of every status. Bus Watchdog (98) stops a
servo that receives no instruction. Which packets reset it is documented as "all instruction
packets" only; whether those for other servos count is not known, so both can be chosen and tests
run both. Source: e-manual, Shutdown (63), Bus Watchdog (98).
"""

from dataclasses import dataclass, field
from typing import Literal

from hal.dynamixel.status import WATCHDOG_TRIPPED, HardwareError

Feed = Literal["own", "any"]

_UNIT_NS = 20_000_000

# The manual says "persistent load that exceeds maximum output", without a time and without what a
# load is. Here it is a current, and the most is what the supply drives through a motor at a stop.
_OVERLOAD_NS = 2_000_000_000
_OVERLOAD_SHARE = 0.8
_NOMINAL_V = 12.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds, from the control table and the data sheet."""

    temperature_c: float
    max_voltage_v: float
    min_voltage_v: float
    stall_current_a: float


@dataclass(slots=True)
class Protection:
    """The latch and the time that the load has been too high."""

    latched: HardwareError = field(default_factory=lambda: HardwareError(0))
    _loaded_since_ns: int | None = None

    def detect(
        self,
        limits: Limits,
        current_a: float,
        temperature_c: float,
        voltage_v: float,
        now_ns: int,
    ) -> HardwareError:
        """The errors that these measurements are; nothing is latched yet."""
        found = HardwareError(0)
        if temperature_c > limits.temperature_c:
            found |= HardwareError.OVERHEATING
        if not limits.min_voltage_v <= voltage_v <= limits.max_voltage_v:
            found |= HardwareError.INPUT_VOLTAGE
        stall_a = limits.stall_current_a * voltage_v / _NOMINAL_V
        if abs(current_a) < _OVERLOAD_SHARE * stall_a:
            self._loaded_since_ns = None
        elif self._loaded_since_ns is None:
            self._loaded_since_ns = now_ns
        elif now_ns - self._loaded_since_ns > _OVERLOAD_NS:
            found |= HardwareError.OVERLOAD
        return found

    def latch(self, errors: HardwareError) -> None:
        """Remember until `reset`."""
        self.latched |= errors

    def is_shut_down(self, mask: int) -> bool:
        """Whether a latched error is one that the mask turns the torque off for."""
        return bool(int(self.latched) & mask & 0x3F)

    def reset(self) -> None:
        """Power-on or reboot."""
        self.latched = HardwareError(0)
        self._loaded_since_ns = None


@dataclass(slots=True)
class BusWatchdog:
    """Counts while armed and the torque is on.

    Attributes:
        feed: "any": every instruction packet on the bus counts; "own": only those for this servo
            (broadcasts included).
        limit: register value, 0 off, in 20 ms.
        is_tripped: latched until 0 is written.
    """

    feed: Feed = "any"
    limit: int = 0
    is_tripped: bool = False
    _fed_ns: int = 0

    @property
    def register(self) -> int:
        """What a read of the register gives."""
        return WATCHDOG_TRIPPED if self.is_tripped else self.limit

    def set(self, limit: int, now_ns: int) -> None:
        """A write of the register; 0 also clears a trip."""
        self.limit = limit
        self._fed_ns = now_ns
        if limit == 0:
            self.is_tripped = False

    def restart(self, now_ns: int) -> None:
        """Count anew: a packet that counts has come, or the torque was turned on."""
        self._fed_ns = now_ns

    def check(self, now_ns: int) -> bool:
        """Trip if the time is over; for times when the torque is on. True the moment it trips."""
        if self.is_tripped or self.limit == 0 or now_ns - self._fed_ns <= self.limit * _UNIT_NS:
            return False
        self.is_tripped = True
        return True
