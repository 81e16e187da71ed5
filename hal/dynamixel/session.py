"""One connection in use: what the robot does between connecting and losing or closing the port."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hal.clock import Clock
from hal.dynamixel.angles import ServoAngles
from hal.dynamixel.arming import ServoArming
from hal.dynamixel.bus import ServoBus
from hal.dynamixel.connection import Connection, prepare, prepare_again
from hal.dynamixel.errors import BadStatusError, BusTimeoutError, ServoStatusError
from hal.dynamixel.goals import GoalWriter
from hal.dynamixel.inspection import inspect_for_torque
from hal.dynamixel.monitor import BusMonitor, ServoMonitor
from hal.dynamixel.object_drive import ObjectDrive
from hal.dynamixel.plausibility import JUMPS_MAX, PlausibleMotion
from hal.dynamixel.port_users import refuse_shared_port
from hal.dynamixel.readings import ServoReadings
from hal.dynamixel.relax import torque_off
from hal.dynamixel.servo import Servo, names_of
from hal.dynamixel.servo_faults import ServoFault, refuse_latched
from hal.dynamixel.servo_group import ServoGroup
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.units import VELOCITY_RAD_S, WATCHDOG_S
from hal.errors import RobotReadError, RobotWriteError
from hal.types import RobotSpec, Vector

_REBOOT_PATIENCE_S = 1.0
_REBOOT_POLL_S = 0.05


class ServoSession:
    """Looks, goals and torque on one open bus.

    Args:
        connection: verified.
        spec: of the robot.
        settings: limits and times.
        clock: monotonic.
    """

    def __init__(
        self, connection: Connection, spec: RobotSpec, settings: BusSettings, clock: Clock
    ) -> None:
        self.connection = connection
        self._settings = settings
        self._clock = clock
        servos, bus = connection.servos, connection.bus
        count = len(spec.joints)
        joints, objects = servos[:count], servos[count:]
        self.joint_count = count
        self._arming = ServoArming(bus, joints, settings, clock.now_ns)
        self.objects = ObjectDrive(bus, objects, settings, clock.now_ns)
        self.goals = GoalWriter(bus, joints, ServoAngles([s.joint for s in joints]))
        self.motion = PlausibleMotion(
            ServoAngles([servo.joint for servo in servos]),
            np.concatenate(
                [
                    spec.velocity_max_rad_s,
                    np.full(len(objects), settings.object_velocity_max_rad_s),
                ]
            ),
            [False] * count + [True] * len(objects),
        )
        self._servo_monitor = ServoMonitor(servos, settings)
        self._bus_monitor = BusMonitor(servos, settings)
        self._setup_warnings: Sequence[str] = connection.setup_warnings
        self._has_torque = False
        self._soft_until_ns: int | None = None
        self._silence: RobotReadError | None = None
        self._fell_silent: NDArray[np.bool_] = np.zeros(len(servos), dtype=np.bool_)
        self.explanation: RobotReadError | None = None
        self.is_degraded = False
        self.looked_ns = 0
        self.motion.update(self.readings)

    @property
    def readings(self) -> ServoReadings:
        """Of the latest cycle."""
        return self.connection.cycle.readings

    @property
    def watchdog_s(self) -> float | None:
        """Of the joints' bus watchdog; None while it is not armed."""
        units = self._arming.watchdog_units
        return units * WATCHDOG_S if self._has_torque and units else None

    def look(self) -> None:
        """One cycle on the bus with everything that follows from it.

        Raises:
            RobotReadError: a fault of a servo or of the bus.
            RobotWriteError: goals are not taken.
            PortError: the port is gone.
        """
        readings = self.connection.cycle.run()
        self.looked_ns = self._clock.now_ns()
        self.motion.update(readings)
        self.is_degraded = self._bus_monitor.is_degraded(readings)
        armed = self._armed()
        self._servo_monitor.check(readings, armed, self._arming.watchdog_units)
        self._check_restarts(readings)
        self._check_jumps()
        self._check_silence(readings)
        if not self.is_degraded:
            self.goals.confirm(readings)
        self._end_soft_start()

    def arm(self) -> None:
        """Torque on where the robot is; it can be slow only, to begin with.

        Raises:
            RobotReadError, RobotWriteError: it must not or did not get torque.
            ServoSetupError, SharedPortError: it must not.
        """
        refuse_shared_port(self.connection.port.path)
        self.look()
        if self._silence is not None:
            raise self._silence
        self._bus_monitor.require_fresh(self.readings)
        statuses = self.readings.rows["hardware_error_status"].tolist()
        refuse_latched(self.connection.servos, statuses)
        self._servo_monitor.refuse_activation(self.readings)
        everybody = ServoGroup(self.connection.bus, self.connection.servos)
        everybody.write("torque_enable", 0, reason="TORQUE_NOT_OFF")
        prepare(self.connection)  # possible only without torque
        self._setup_warnings = inspect_for_torque(self.connection.bus, self.connection.servos)
        held = self._arming.arm(self._settings.soft_start_velocity_rad_s)
        self.goals.seed(held)
        self._has_torque = True
        self._fell_silent[:] = False
        self.explanation = None
        self._soft_until_ns = self._clock.now_ns() + round(self._settings.soft_start_s * 1e9)
        self.look()

    def relax(self) -> tuple[str, ...]:
        """Torque off everywhere; return the names of those that did not confirm it."""
        self._has_torque = False
        self._soft_until_ns = None
        servos = self.connection.servos
        unconfirmed = torque_off(self.connection.bus, [servo.id for servo in servos])
        self.goals.clear()
        self.objects.forget()
        return tuple(servo.name for servo in servos if servo.id in unconfirmed)

    def send(self, position_rad: Vector) -> Vector:
        """Send goals [J] rad, or none while a servo is silent; return those in force.

        Raises:
            PortError: the port is gone.
        """
        held = self.goals.held_rad
        if self.is_degraded and held is not None:
            return held
        return self.goals.send(position_rad)

    def reboot(self, servo: Servo) -> None:
        """Reboot one servo and write what it forgot.

        Raises:
            RobotWriteError: REBOOT_FAILED, or a setting did not hold.
            RobotReadError: SERVO_SILENT.
        """
        reboot_servo(self.connection.bus, servo, self._clock)
        self._prepare_again()

    def settle_objects(self, position_rad: Vector) -> None:
        """Count the objects' turns anew, so that they are nearest to [K] rad."""
        for index, angle in enumerate(position_rad.tolist()):
            self.motion.rewind(self.joint_count + index, angle)

    def counters(self) -> dict[str, int]:
        """Events since this connection was made."""
        return self.connection.bus.counters.as_dict() | {
            "goals_resent": self.goals.resent,
            "positions_rejected": self.motion.rejected,
            "velocity_spikes": self.motion.spikes,
        }

    def warnings(self) -> Iterator[str]:
        """What needs attention but stops nothing."""
        yield from self.connection.warnings
        yield from self._setup_warnings
        if self._silence is not None:
            yield f"{self._silence.reason}: {self._silence}"
        if self.is_degraded:
            silent = self.readings.misses >= self._settings.misses_degraded
            names = [s.name for s, m in zip(self.connection.servos, silent, strict=True) if m]
            yield f"DEGRADED: goals are frozen, no answer from {', '.join(names)}"
        if self.connection.cycle.foreign:
            yield (
                f"UNEXPECTED_SERVO: {self.connection.cycle.foreign} packets of ids that were not "
                "asked: a duplicate or unknown device is on the bus"
            )
        if self._has_torque and self.watchdog_s is None:
            yield "NO_WATCHDOG: nothing stops the servos when this program dies"
        yield from self._servo_monitor.warnings(self.readings, self._armed())

    def _armed(self) -> NDArray[np.bool_]:
        armed = np.zeros(len(self.connection.servos), dtype=np.bool_)
        armed[: self.joint_count] = self._has_torque
        armed[self.joint_count :] = self.objects.has_torque
        return armed

    def _check_silence(self, readings: ServoReadings) -> None:
        """Raise where lost answers are a fault: when a servo has torque or the bus is lost."""
        self._silence = None
        has_torque = bool(self._armed().any() or readings.rows["torque_enable"].any())
        if self._has_torque:
            self._fell_silent |= readings.misses >= self._settings.misses_degraded
        flooded = self.connection.cycle.flooded_in_a_row
        try:
            self._bus_monitor.check(readings, flooded, self.looked_ns)
        except RobotReadError as error:
            if has_torque or error.reason == "BUS_LOST":
                raise
            self._silence = error

    def _check_restarts(self, readings: ServoReadings) -> None:
        """A restarted servo, also a sensing one, is a fault in motion; at rest set it up again."""
        if not readings.restarted.any():
            return
        index = int(np.argmax(readings.restarted))
        if self._has_torque:
            servo = self.connection.servos[index]
            ServoFault("SERVO_REBOOTED", f"{servo} was rebooted or lost its supply").raise_error()
        self._explain_silence(readings)
        servos = [s for s, r in zip(self.connection.servos, readings.restarted, strict=True) if r]
        try:
            prepare_again(self.connection, servos)  # no others: one of them may be silent
        except RobotReadError as error:
            if error.reason != "SERVO_SILENT":
                raise
            return  # it is gone again: repeated at the next look
        self.readings.forget()
        self.motion.forget()

    def _explain_silence(self, readings: ServoReadings) -> None:
        """Record that a servo silent in motion came back as after power-on: its supply was lost."""
        back = readings.restarted & self._fell_silent
        if not back.any():
            return
        servos = [s for s, is_back in zip(self.connection.servos, back, strict=True) if is_back]
        self._fell_silent &= ~back
        self.explanation = RobotReadError(
            f"{names_of(servos)} fell silent and came back as after power-on: lost its supply for "
            "a moment (brown-out); check the supply, and plugs and cable up to it",
            reason="SERVO_REBOOTED",
        )

    def _check_jumps(self) -> None:
        jumping = self.motion.jumps >= JUMPS_MAX
        if not jumping.any():
            return
        index = int(np.argmax(jumping))
        if self._has_torque:
            is_pushed = bool(self.motion.pushes[index] >= JUMPS_MAX)
            raise_jump(self.connection.servos[index], self.readings, index, is_pushed=is_pushed)
        self.motion.accept_anything(index)

    def _prepare_again(self) -> None:
        prepare(self.connection)
        self.readings.forget()
        self.motion.forget()

    def _end_soft_start(self) -> None:
        until_ns = self._soft_until_ns
        if until_ns is None or self.looked_ns < until_ns or not self.readings.fresh.all():
            return
        try:
            self._arming.limit_velocity(self._settings.profile_velocity_rad_s)
        except RobotReadError as error:
            if error.reason != "SERVO_SILENT":
                raise
            return  # tried again after the next look, which shows whether the servo is lost
        self._soft_until_ns = None


def raise_jump(servo: Servo, readings: ServoReadings, index: int, *, is_pushed: bool) -> None:
    """Raise: the joint cannot have moved by itself to the measured position.

    Args:
        is_pushed: the measured velocity agrees with the motion.

    Raises:
        RobotReadError: JOINT_PUSHED or SENSOR_JUMP.
    """
    row = readings.rows[index]
    if is_pushed:
        speed_rad_s = abs(int(row["present_velocity"])) * VELOCITY_RAD_S
        ServoFault(
            "JOINT_PUSHED",
            f"{servo} moved at {speed_rad_s:.1f} rad/s, faster than it is ever commanded: somebody "
            "or something has pushed it; keep hands and things away, then clear the fault",
        ).raise_error()
    ServoFault(
        "SENSOR_JUMP",
        f"{servo} reported {JUMPS_MAX} impossible positions in a row, the last "
        f"{int(row['present_position'])} ticks, and no speed to match: if nobody struck it, check "
        "encoder and gears",
    ).raise_error()


def reboot_servo(bus: ServoBus, servo: Servo, clock: Clock) -> None:
    """Reboot `servo` and wait until it is back without an error, at most a second.

    Besides cutting its supply, this is the only cure of a latched error. Some models reboot
    without answering, so the answer is ignored.

    Raises:
        RobotWriteError: REBOOT_FAILED, it did not come back or its error is still there.
        PortError: the port is gone.
    """
    started_ns = clock.now_ns()
    _send_reboot(bus, servo)
    said = "it does not answer"
    for poll in range(1, round(_REBOOT_PATIENCE_S / _REBOOT_POLL_S) + 1):
        clock.sleep_until(started_ns + round(poll * _REBOOT_POLL_S * 1e9))
        status = _error_status(bus, servo)
        if status == 0:
            return
        if status is not None:
            said = f"hardware error status is still {status:#04x}"
    raise RobotWriteError(
        f"{servo} is not ready {_REBOOT_PATIENCE_S} s after its reboot: {said}; take its supply "
        "away",
        reason="REBOOT_FAILED",
    )


def _send_reboot(bus: ServoBus, servo: Servo) -> None:
    try:
        bus.reboot(servo.id)
    except (BusTimeoutError, BadStatusError, ServoStatusError):
        return  # the polls below decide


def _error_status(bus: ServoBus, servo: Servo) -> int | None:
    try:
        bus.ping(servo.id)
        return bus.read(servo.id, servo.table["hardware_error_status"])
    except (BusTimeoutError, BadStatusError):
        return None
