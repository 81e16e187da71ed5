"""Giving servos torque so that nothing moves, in the one order that guarantees it.

torque off -> watchdog off -> speed limit -> goal := present, read back -> watchdog on, read back ->
torque on, read back. A goal left over from earlier would otherwise be driven to at full speed,
and a servo whose watchdog has tripped ignores goals until that is cleared.
"""

from collections.abc import Callable, Sequence

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.errors import ServoStatusError
from hal.dynamixel.servo import Servo, names_of
from hal.dynamixel.servo_group import ServoGroup
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.status import StatusErrorNumber
from hal.dynamixel.units import TICKS_PER_TURN, VELOCITY_RAD_S
from hal.errors import RobotWriteError

GOAL_TOLERANCE_TICKS = 2
_LIMIT_ERRORS = (StatusErrorNumber.DATA_RANGE, StatusErrorNumber.DATA_LIMIT)
_UNLIMITED = 0  # of Profile Velocity and Profile Acceleration


def profile_velocity_counts(velocity_rad_s: float | None) -> int:
    """Value of Profile Velocity (112), at least 1: 0 would mean no limit."""
    if velocity_rad_s is None:
        return _UNLIMITED
    return min(max(1, round(velocity_rad_s / VELOCITY_RAD_S)), 32_767)


class ServoArming:
    """Arms and disarms one group of servos.

    Args:
        bus: opened.
        servos: that get torque together.
        settings: watchdog, soft start, patience.
        now_ns: monotonic clock.
        in_motion: other servos may be moving while these are armed.
    """

    def __init__(
        self,
        bus: ServoBus,
        servos: Sequence[Servo],
        settings: BusSettings,
        now_ns: Callable[[], int],
        *,
        in_motion: bool = False,
    ) -> None:
        self._group = ServoGroup(bus, servos, in_motion=in_motion)
        self._in_motion = ServoGroup(bus, servos, in_motion=True)
        self._settings = settings
        self._now_ns = now_ns

    @property
    def watchdog_units(self) -> int:
        """Value that the bus watchdog is set to; 0 where some firmware has none."""
        has_watchdog = all(servo.has_watchdog for servo in self._group.servos)
        return self._settings.watchdog_units if has_watchdog else 0

    def arm(self, velocity_rad_s: float | None) -> list[int]:
        """Torque on where the servos are; return the goals [N] in ticks that they now hold.

        When it fails half way some servos may have torque: take it off.

        Args:
            velocity_rad_s: speed limit to begin with; None for none.

        Raises:
            RobotWriteError: GOAL_NOT_SEEDED, POSITION_OUTSIDE_TRAVEL, SERVO_LIMITS_TOO_TIGHT,
                WATCHDOG_NOT_ARMED, TORQUE_NOT_ON and the like; names the servos.
            RobotReadError: SERVO_SILENT.
        """
        group = self._group
        group.write("torque_enable", 0, reason="TORQUE_NOT_OFF")
        if self.watchdog_units:
            group.write("bus_watchdog", 0, reason="WATCHDOG_NOT_ARMED")
        group.write("profile_acceleration", _UNLIMITED, reason="PROFILE_NOT_SET")
        _limit_velocity(group, velocity_rad_s)
        goals = self._seed()
        if self.watchdog_units:
            group.write("bus_watchdog", self.watchdog_units, reason="WATCHDOG_NOT_ARMED")
        group.write("torque_enable", 1, reason="TORQUE_NOT_ON")
        return [goals[servo_id] for servo_id in group.ids]

    def limit_velocity(self, velocity_rad_s: float | None) -> None:
        """Set the speed limit of armed servos, None for none; it holds from the next goal on.

        Raises:
            RobotWriteError: PROFILE_NOT_SET.
            RobotReadError: SERVO_SILENT.
        """
        _limit_velocity(self._in_motion, velocity_rad_s)

    def _seed(self) -> dict[int, int]:
        """Goal := present, until both agree: a robot without torque may still be sinking."""
        deadline_ns = self._now_ns() + round(self._settings.seed_timeout_s * 1e9)
        while True:
            goals = self._present()
            self._write_goals(goals)
            present = self._present()
            moved = [
                servo
                for servo in self._group.servos
                if abs(goals[servo.id] - present[servo.id]) > GOAL_TOLERANCE_TICKS
            ]
            if not moved:
                return goals
            if self._now_ns() >= deadline_ns:
                raise RobotWriteError(
                    f"{names_of(moved)} is still moving after {self._settings.seed_timeout_s} s: "
                    "hold the robot still to activate it",
                    reason="GOAL_NOT_SEEDED",
                )

    def _present(self) -> dict[int, int]:
        """Positions within one turn, as they count once torque is on."""
        present = self._group.read("present_position")
        return {servo.id: _within_turn(servo, present[servo.id]) for servo in self._group.servos}

    def _write_goals(self, goals: dict[int, int]) -> None:
        try:
            self._group.write("goal_position", goals, reason="GOAL_NOT_SEEDED")
        except RobotWriteError as error:
            refusal = error.__cause__
            if isinstance(refusal, ServoStatusError) and refusal.number in _LIMIT_ERRORS:
                raise RobotWriteError(str(error), reason="SERVO_LIMITS_TOO_TIGHT") from refusal
            raise


def _within_turn(servo: Servo, position: int) -> int:
    """An object turns round and round; a joint that is outside its travel must not be driven."""
    is_full_turn = servo.goal_max_ticks - servo.goal_min_ticks >= TICKS_PER_TURN - 1
    if is_full_turn:
        return position % TICKS_PER_TURN
    if servo.goal_min_ticks <= position <= servo.goal_max_ticks:
        return position
    raise RobotWriteError(
        f"{servo} is at {position} ticks, outside its travel [{servo.goal_min_ticks}, "
        f"{servo.goal_max_ticks}]: move it back by hand, or calibrate",
        reason="POSITION_OUTSIDE_TRAVEL",
    )


def _limit_velocity(group: ServoGroup, velocity_rad_s: float | None) -> None:
    counts = profile_velocity_counts(velocity_rad_s)
    group.write("profile_velocity", counts, reason="PROFILE_NOT_SET")
