"""Tells a lost answer from a lost servo, and that from a lost bus."""

from collections.abc import Sequence

from hal.dynamixel.readings import ServoReadings
from hal.dynamixel.servo import Servo, names_of
from hal.dynamixel.settings import BusSettings
from hal.errors import RobotReadError

_FLOODED_MAX = 3


class BusMonitor:
    """Looks after each cycle at who has answered.

    Args:
        servos: in the order of the readings.
        settings: limits.
    """

    def __init__(self, servos: Sequence[Servo], settings: BusSettings) -> None:
        self._servos = tuple(servos)
        self._settings = settings

    def is_degraded(self, readings: ServoReadings) -> bool:
        """Whether some servo has been mute for too many cycles to send new goals."""
        return bool((readings.misses >= self._settings.misses_degraded).any())

    def require_fresh(self, readings: ServoReadings) -> None:
        """Pass when every servo has answered in the latest cycle.

        Raises:
            RobotReadError: SERVO_SILENT.
        """
        silent = [s for s, fresh in zip(self._servos, readings.fresh, strict=True) if not fresh]
        if silent:
            raise RobotReadError(f"no answer from {names_of(silent)}", reason="SERVO_SILENT")

    def check(self, readings: ServoReadings, flooded_in_a_row: int, now_ns: int) -> None:
        """Pass when every servo was heard recently.

        Raises:
            RobotReadError: BUS_FLOODED, SERVO_SILENT or BUS_LOST.
        """
        if flooded_in_a_row >= _FLOODED_MAX:
            raise RobotReadError(
                f"noise instead of answers in {flooded_in_a_row} cycles in a row: look for a "
                "babbling device, a wrong baud rate or a loose cable",
                reason="BUS_FLOODED",
            )
        age_s = readings.age_s(now_ns)
        lost = (age_s > self._settings.comm_fault_s) & (
            readings.misses >= self._settings.misses_degraded
        )
        if not lost.any():
            return
        silent = [servo for servo, is_lost in zip(self._servos, lost, strict=True) if is_lost]
        longest_s = float(age_s[lost].max())
        if lost.all():
            raise RobotReadError(
                f"no servo has answered for {float(age_s.min()):.2f} s: check supply and cable",
                reason="BUS_LOST",
            )
        raise RobotReadError(
            f"no answer from {names_of(silent)} for {longest_s:.2f} s, limit "
            f"{self._settings.comm_fault_s} s: check its cable and the one before it",
            reason="SERVO_SILENT",
        )
