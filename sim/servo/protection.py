"""Hardware Error Status (70): what a servo notices about itself, latched until it is rebooted.

Errors that the Shutdown mask (63) names turn the torque off and keep it off; others only raise the
alert bit of every status. Source: e-manual, Shutdown (63).
"""

from dataclasses import dataclass, field

from hal.dynamixel.status import HardwareError

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
