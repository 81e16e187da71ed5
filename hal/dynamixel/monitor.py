"""Which states of the servos and of the bus stop the robot, and which are warnings.

Faults of a servo that has torque stop the robot; the same found without torque is a warning and a
reason not to activate.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hal.dynamixel.readings import ServoReadings
from hal.dynamixel.servo import Servo, names_of
from hal.dynamixel.servo_faults import ServoFault, hardware_errors
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.state_block import Rows
from hal.dynamixel.status import WATCHDOG_TRIPPED
from hal.dynamixel.units import VOLTAGE_V
from hal.errors import RobotReadError

Flags = NDArray[np.bool_]
_NOT_LOW = -1
_FLOODED_MAX = 3


class ServoMonitor:
    """Looks at N servos after each cycle.

    Args:
        servos: in the order of the readings.
        settings: limits.
    """

    def __init__(self, servos: Sequence[Servo], settings: BusSettings) -> None:
        self._servos = tuple(servos)
        self._settings = settings
        self._low_since_ns = np.full(len(self._servos), _NOT_LOW)

    def check(self, readings: ServoReadings, armed: Flags, watchdog_units: int) -> None:
        """Pass when no servo with torque has a fault.

        Args:
            readings: of the latest cycle.
            armed: [N] servos that were given torque.
            watchdog_units: value that their bus watchdog was set to; 0 where it is not used.

        Raises:
            RobotReadError: the first fault, by the name of its joint and servo.
        """
        self._watch_supply(readings)
        suspects = armed & (readings.restarted | (readings.fresh & self._odd(readings.rows)))
        if watchdog_units:
            suspects |= armed & readings.fresh & (readings.rows["bus_watchdog"] != watchdog_units)
        for index in np.flatnonzero(suspects):
            for fault in self._faults(int(index), readings, watchdog_units):
                fault.raise_error()

    def warnings(self, readings: ServoReadings, armed: Flags) -> Iterator[str]:
        """What stops nothing (yet), each beginning with its reason."""
        for index, servo in enumerate(self._servos):
            row = readings.rows[index]
            if readings.stamp_ns[index] == 0:
                continue
            faults = [*hardware_errors(servo, int(row["hardware_error_status"]))]
            voltage_v = float(row["present_input_voltage"]) * VOLTAGE_V
            if voltage_v < self._settings.voltage_min_v:
                faults.append(self._low_voltage(servo, voltage_v))
            for fault in faults:
                yield f"{fault.reason}: {fault.message}"
            temperature_c = float(row["present_temperature"])
            if temperature_c >= self._settings.warn_temperature_c:
                yield f"SERVO_HOT: {servo} is at {temperature_c:.0f} degC"
            if int(row["torque_enable"]) and not armed[index]:
                yield (
                    f"TORQUE_FOUND_ON: {servo} holds its position although this program has not "
                    "switched it on"
                )

    def refuse_activation(self, readings: ServoReadings) -> None:
        """Pass when every servo may be given torque.

        Raises:
            RobotReadError: the reason of the first that may not.
        """
        for index, servo in enumerate(self._servos):
            row = readings.rows[index]
            for fault in hardware_errors(servo, int(row["hardware_error_status"])):
                fault.raise_error()
            temperature_c, limit_c = (
                float(row["present_temperature"]),
                self._settings.enable_temperature_max_c,
            )
            if temperature_c >= limit_c:
                raise RobotReadError(
                    f"{servo} is at {temperature_c:.0f} degC; torque is allowed below "
                    f"{limit_c:.0f} degC: let it cool down",
                    reason="SERVO_OVERHEAT",
                )
            voltage_v = float(row["present_input_voltage"]) * VOLTAGE_V
            if voltage_v < self._settings.voltage_min_v:
                self._low_voltage(servo, voltage_v).raise_error()

    def _watch_supply(self, readings: ServoReadings) -> None:
        """Record since when each servo's supply is low; a missing answer changes nothing."""
        low = readings.rows["present_input_voltage"] * VOLTAGE_V < self._settings.voltage_min_v
        since = np.where(self._low_since_ns == _NOT_LOW, readings.stamp_ns, self._low_since_ns)
        changed = np.where(low, since, _NOT_LOW)
        self._low_since_ns = np.where(readings.fresh, changed, self._low_since_ns)

    def _low_for_s(self, index: int, readings: ServoReadings) -> float:
        since_ns = int(self._low_since_ns[index])
        return 0.0 if since_ns == _NOT_LOW else (int(readings.stamp_ns[index]) - since_ns) / 1e9

    def _odd(self, rows: Rows) -> Flags:
        """[N] servos to examine further; this cheap test is all that an ordinary cycle costs."""
        settings = self._settings
        return (
            (rows["hardware_error_status"] != 0)
            | (rows["torque_enable"] == 0)
            | (self._low_since_ns != _NOT_LOW)
            | (rows["present_temperature"] >= settings.stop_temperature_c)
        )

    def _faults(
        self, index: int, readings: ServoReadings, watchdog_units: int
    ) -> Iterator[ServoFault]:
        servo, row, settings = self._servos[index], readings.rows[index], self._settings
        yield from (
            found
            for found in hardware_errors(servo, int(row["hardware_error_status"]))
            if found.reason != "SERVO_VOLTAGE"  # an alert; the voltage itself is looked at below
        )
        yield from self._lost_state(servo, readings, index, watchdog_units)
        if self._low_for_s(index, readings) > settings.voltage_low_s:
            yield self._low_voltage(servo, float(row["present_input_voltage"]) * VOLTAGE_V)
        temperature_c = float(row["present_temperature"])
        if temperature_c >= settings.stop_temperature_c:
            yield ServoFault(
                "SERVO_OVERHEAT",
                f"{servo} is at {temperature_c:.0f} degC, limit {settings.stop_temperature_c:.0f}",
            )

    def _lost_state(
        self, servo: Servo, readings: ServoReadings, index: int, watchdog_units: int
    ) -> Iterator[ServoFault]:
        """Signs of a restart or of a tripped bus watchdog."""
        row = readings.rows[index]
        watchdog = int(row["bus_watchdog"])
        if readings.restarted[index]:
            yield ServoFault("SERVO_REBOOTED", f"{servo} was rebooted or lost its supply")
        if watchdog == WATCHDOG_TRIPPED:
            yield ServoFault(
                "WATCHDOG_TRIPPED",
                f"{servo} stopped by itself: it heard nothing for {self._settings.watchdog_s} s",
            )
        elif watchdog_units and watchdog != watchdog_units:
            yield ServoFault(
                "SERVO_REBOOTED",
                f"{servo}: bus watchdog is {watchdog}, was set to {watchdog_units}; it has lost "
                "its state",
            )
        if not int(row["torque_enable"]):
            yield ServoFault(
                "SERVO_REBOOTED", f"{servo} has lost its torque, and nobody switched it off"
            )

    def _low_voltage(self, servo: Servo, voltage_v: float) -> ServoFault:
        return ServoFault(
            "SERVO_VOLTAGE",
            f"{servo} is supplied with {voltage_v:.1f} V, at least "
            f"{self._settings.voltage_min_v:.1f} V are needed",
        )


class BusMonitor:
    """Distinguishes a lost answer, a lost servo and a lost bus after each cycle.

    Args:
        servos: in the order of the readings.
        settings: limits.
    """

    def __init__(self, servos: Sequence[Servo], settings: BusSettings) -> None:
        self._servos = tuple(servos)
        self._settings = settings

    def is_degraded(self, readings: ServoReadings) -> bool:
        """Whether a servo has missed too many cycles for new goals to be sent."""
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
        """Pass when every servo has answered recently.

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
