"""A robot of Dynamixel servos, behind the same contract as its simulated twin.

Not yet run on physical servos.
"""

from collections.abc import Generator
from contextlib import contextmanager

import numpy as np

from hal.backends import RobotSetup
from hal.clock import Clock
from hal.dynamixel.bodies import BodyTracking
from hal.dynamixel.calibration import Calibration, default_calibration, load_calibration
from hal.dynamixel.connection import PortRecovery, connect
from hal.dynamixel.errors import PortError
from hal.dynamixel.port import SerialPort
from hal.dynamixel.relax import broadcast_torque_off
from hal.dynamixel.reset_run import ResetRun
from hal.dynamixel.session import ServoSession
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.units import CURRENT_A, DEFAULT_BAUD_RATE, VOLTAGE_V
from hal.errors import CommandError, HalError, RobotReadError, RobotWriteError
from hal.health import JointHealth, RobotHealth
from hal.lifecycle import Lifecycle
from hal.robot import ResetProgress, Robot
from hal.tracker import TrackedBodies, Tracker
from hal.types import ResetTarget, RobotSpec, RobotState, Vector

_RECENT_NS = 10_000_000  # a reset step right after a read needs no look of its own
_NO_BODIES = TrackedBodies(0, np.zeros((0, 6)), np.zeros((0, 6)), np.zeros(0, dtype=np.bool_))


class DynamixelRobot(Robot):
    """One robot on one serial port.

    Call `tend` every `tend_period_s`: it feeds the servos' bus watchdogs between control steps.

    Args:
        spec: robot model.
        calibration: of this robot.
        port: device path; /dev/serial/by-id/... survives replugging.
        settings: times and limits.
        clock: monotonic, in real time.
        period_s: control period.
        baud_rate: of all servos.
        tracker: of the bodies in `spec`, None where there are none; the robot owns it.
        backend: as rows name it.

    Raises:
        ValueError: no port, joints that take no positions, or a calibration or tracker of another
            robot.
    """

    def __init__(
        self,
        spec: RobotSpec,
        calibration: Calibration,
        port: str,
        settings: BusSettings,
        clock: Clock,
        *,
        period_s: float,
        baud_rate: int = DEFAULT_BAUD_RATE,
        tracker: Tracker | None = None,
        backend: str = "dynamixel",
    ) -> None:
        super().__init__(spec, backend, calibration.version)
        _check_parts(spec, calibration, period_s, tracker)
        if not port:
            raise ValueError("port is empty, expected a device path such as /dev/ttyUSB0")
        self._calibration = calibration
        self._port = port
        self._baud_rate = baud_rate
        self._settings = settings
        self._clock = clock
        self._period_s = period_s
        self._bodies = None if tracker is None else BodyTracking(tracker)
        self._session: ServoSession | None = None
        self._recovery = PortRecovery(clock)
        self._sequence = 0
        self._resetting: ResetRun | None = None

    @property
    def tend_period_s(self) -> float:
        """The bus period of the settings."""
        return self._settings.bus_period_s

    def health(self) -> RobotHealth:
        """Watchdog, servos, warnings and counters as of the latest look."""
        session = self._session
        if session is None:
            return RobotHealth(warnings=(f"BUS_LOST: {self._recovery.cause}",))
        return RobotHealth(
            watchdog_s=session.watchdog_s,
            joints=joint_health(session, self._clock.now_ns()),
            warnings=tuple(session.warnings()),
            counters=session.counters() | {"reconnections": self._recovery.reconnections},
        )

    def explanation(self) -> HalError | None:
        """SERVO_REBOOTED, for a servo that lost its supply, and so its answers, in motion."""
        return None if self._session is None else self._session.explanation

    def reboot_servo(self, name: str) -> None:
        """Reboot the servo of joint or object `name`, the cure of a latched error.

        Raises:
            LifecycleError: not INACTIVE.
            CommandError: UNKNOWN_JOINT.
            RobotWriteError: REBOOT_FAILED.
            RobotReadError: the bus is lost.
        """
        self._require("reboot_servo", Lifecycle.INACTIVE)
        session = self._connected()
        servos = {servo.name: servo for servo in session.connection.servos}
        if name not in servos:
            raise CommandError(
                f"no servo moves {name!r}; there are: {', '.join(servos)}", reason="UNKNOWN_JOINT"
            )
        with self._on_bus(RobotWriteError):
            session.reboot(servos[name])

    def _configure(self) -> None:
        if self._bodies is not None:
            self._bodies.start()
        try:
            self._session = self._connect()
        except BaseException:
            self._release()
            raise
        self._sequence = 0
        self._recovery = PortRecovery(self._clock)

    def _read(self) -> RobotState:
        session = self._connected()
        with self._on_bus(RobotReadError):
            session.look()
        self._sequence += 1
        return self._measure(session)

    def _tend(self) -> None:
        session = self._connected()
        with self._on_bus(RobotReadError):
            session.look()

    def _activate(self) -> None:
        self._resetting = None
        session = self._connected()
        with self._on_bus(RobotWriteError):
            session.arm()

    def _write(self, target: Vector) -> Vector:
        session = self._connected()
        with self._on_bus(RobotWriteError):
            self._abandon_reset(session)
            return session.send(target)

    def _deactivate(self) -> tuple[str, ...]:
        self._resetting = None
        session = self._session
        unconfirmed = self.spec.joint_names if session is None else session.relax()
        if unconfirmed and (session is None or not session.connection.port.is_open):
            self._lose("the port was lost before torque was off")
            unconfirmed = self._relax_anew()
        self._recovery.owes_torque_off = bool(unconfirmed)
        return unconfirmed

    def _reset(self, target: ResetTarget) -> ResetProgress:
        session = self._connected()
        with self._on_bus(RobotWriteError):
            if self._resetting is None or not self._resetting.is_for(target):
                self._abandon_reset(session)
                self._resetting = ResetRun(self.spec, target, self._period_s, self._bodies)
            if self._clock.now_ns() - session.looked_ns > _RECENT_NS:
                session.look()
            progress = self._resetting.step(session, self._measure(session), self._clock.now_ns)
        if progress is ResetProgress.DONE:
            self._resetting = None
        return progress

    def _close(self) -> None:
        self._resetting = None
        self._release()

    def _measure(self, session: ServoSession) -> RobotState:
        bodies = None if self._bodies is None else self._bodies.look()
        return robot_state(session, self._sequence, bodies)

    def _abandon_reset(self, session: ServoSession) -> None:
        if self._resetting is not None:
            self._resetting = None
            session.objects.let_go()

    def _connect(self) -> ServoSession:
        connection = connect(
            SerialPort(self._port, self._baud_rate),
            self.spec,
            self._calibration,
            self._settings,
            self._period_s,
            self._clock.now_ns,
        )
        return ServoSession(connection, self.spec, self._settings, self._clock)

    def _connected(self) -> ServoSession:
        """The session; a lost one is sought again, but only while nothing may move."""
        if self._session is None:
            if self.lifecycle is not Lifecycle.INACTIVE:
                raise RobotReadError(self._recovery.cause, reason="BUS_LOST")
            self._session = self._recovery.retry(self._connect, self._port)
        if self.lifecycle is Lifecycle.INACTIVE and self._recovery.is_torque_off_due():
            self._recovery.owes_torque_off = bool(self._session.relax())
        return self._session

    def _relax_anew(self) -> tuple[str, ...]:
        """The port was lost: if it is back already, torque off still counts."""
        servos = (*self._calibration.joints, *self._calibration.objects)
        try:
            left = broadcast_torque_off(
                self._port, self._baud_rate, [servo.servo_id for servo in servos]
            )
        except PortError:
            return tuple(servo.name for servo in servos)
        return tuple(servo.name for servo in servos if servo.servo_id in left)

    @contextmanager
    def _on_bus(self, kind: type[RobotReadError] | type[RobotWriteError]) -> Generator[None]:
        """A port that is lost, stuck or closed ends the session; the servos stop by themselves."""
        try:
            yield
        except PortError as error:
            self._lose(str(error))
            raise kind(f"the bus is lost: {error}", reason="BUS_LOST") from error

    def _lose(self, cause: str) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.connection.close()
            self._recovery.lost(cause)

    def _release(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.connection.close()
        if self._bodies is not None:
            self._bodies.close()


def build_robot(setup: RobotSetup) -> DynamixelRobot:
    """The robot of `setup`, not yet configured.

    Raises:
        HalError: its calibration cannot be read, or it has no servos on a bus.
        ValueError: a calibration or tracker of another robot, or no port.
    """
    spec, path = setup.spec, setup.calibration
    return DynamixelRobot(
        spec,
        default_calibration(spec.model) if path is None else load_calibration(path),
        setup.port,
        setup.bus,
        setup.clock,
        period_s=setup.period_s,
        baud_rate=setup.baud_rate,
        tracker=setup.tracker,
        backend=setup.backend,
    )


def _check_parts(
    spec: RobotSpec, calibration: Calibration, period_s: float, tracker: Tracker | None
) -> None:
    if calibration.robot_model != spec.model:
        raise ValueError(
            f"the calibration is of a {calibration.robot_model}, the robot is a {spec.model}"
        )
    if not spec.takes_positions:
        raise ValueError(f"servos on a bus take positions, and {spec.model} is driven otherwise")
    names = tuple(joint.name for joint in calibration.joints)
    if names != spec.joint_names:
        raise ValueError(f"calibrated joints are {names}, the robot has {spec.joint_names}")
    if not 0.0 < period_s < float("inf"):
        raise ValueError(f"period_s is {period_s}, expected a positive time")
    tracked = () if tracker is None else tracker.bodies
    if tracked != spec.bodies:
        raise ValueError(f"the tracker knows the bodies {tracked}, the robot has {spec.bodies}")


def robot_state(session: ServoSession, sequence: int, bodies: TrackedBodies | None) -> RobotState:
    """The latest cycle; a joint or object that was not measured in it has its last position and is
    invalid."""
    count, motion, readings = session.joint_count, session.motion, session.readings
    tracked = _NO_BODIES if bodies is None else bodies
    return RobotState(
        stamp_ns=int(readings.stamp_ns.max()),
        sequence=sequence,
        joint_position_rad=motion.position_rad[:count].copy(),
        joint_velocity_rad_s=motion.velocity_rad_s[:count].copy(),
        joint_current_ma=_current_ma(session),
        joint_temperature_c=readings.rows["present_temperature"][:count].astype(np.float64),
        object_position_rad=motion.position_rad[count:].copy(),
        object_velocity_rad_s=motion.velocity_rad_s[count:].copy(),
        valid=motion.valid[:count].copy(),
        object_valid=motion.valid[count:].copy(),
        body_pose=tracked.pose,
        body_velocity=tracked.velocity,
        body_valid=tracked.valid,
    )


def joint_health(session: ServoSession, now_ns: int) -> tuple[JointHealth, ...]:
    """The latest measured state of every servo, objects included."""
    readings = session.readings
    age_s = readings.age_s(now_ns)
    return tuple(
        JointHealth(
            name=servo.name,
            servo_id=servo.id,
            voltage_v=float(row["present_input_voltage"]) * VOLTAGE_V,
            temperature_c=float(row["present_temperature"]),
            hardware_error=int(row["hardware_error_status"]),
            age_s=float(age),
        )
        for servo, row, age in zip(session.connection.servos, readings.rows, age_s, strict=True)
    )


def _current_ma(session: ServoSession) -> Vector:
    joints = session.connection.servos[: session.joint_count]
    counts = session.readings.rows["present_current"][: session.joint_count].astype(np.float64)
    measured = np.array(["present_current" in servo.table for servo in joints])
    return np.where(measured, counts * CURRENT_A * 1e3, np.nan)
