"""Drives the servos that sense objects, only while a reset places the objects."""

from collections.abc import Callable, Sequence

import numpy as np

from hal.dynamixel.angles import ServoAngles
from hal.dynamixel.arming import ServoArming
from hal.dynamixel.bus import ServoBus
from hal.dynamixel.servo import Servo
from hal.dynamixel.servo_group import ServoGroup
from hal.dynamixel.settings import BusSettings
from hal.dynamixel.units import TICKS_PER_TURN
from hal.types import Vector

# Half of the voltage: 1.2 A and 2 Nm of an XM430 at a stop, so that an object that fingers block
# makes an attempt fail, not its servo overload; turning freely it is good for 2.4 rad/s.
_GOAL_PWM = 443


class ObjectDrive:
    """Torque and goals of the K object servos.

    Args:
        bus: opened.
        servos: [K].
        settings: watchdog, speed.
        now_ns: monotonic clock.
    """

    def __init__(
        self,
        bus: ServoBus,
        servos: Sequence[Servo],
        settings: BusSettings,
        now_ns: Callable[[], int],
    ) -> None:
        self._servos = tuple(servos)
        self._group = ServoGroup(bus, servos, in_motion=True)
        self._velocity_rad_s = settings.object_velocity_rad_s
        self._angles = ServoAngles([servo.joint for servo in servos])
        self._arming = (
            ServoArming(bus, servos, settings, now_ns, in_motion=True) if servos else None
        )
        self._goal: list[int] | None = None
        self.has_torque = False

    def turn_to(self, goal_rad: Vector) -> None:
        """Turn the objects to [K] rad at the settings' speed; torque comes on where they are.

        Raises:
            RobotWriteError, RobotReadError: a step of arming failed; torque may be on.
        """
        if self._arming is None:
            return
        if not self.has_torque:
            self.has_torque = True  # also when it fails half way
            self._group.write("goal_pwm", _GOAL_PWM, reason="GOAL_PWM_NOT_SET")
            self._arming.arm(self._velocity_rad_s)
        ticks = self._angles.to_ticks(goal_rad) % TICKS_PER_TURN
        goal = [
            int(np.clip(value, servo.goal_min_ticks, servo.goal_max_ticks))
            for value, servo in zip(ticks, self._servos, strict=True)
        ]
        if goal != self._goal:
            values = {servo.id: value for servo, value in zip(self._servos, goal, strict=True)}
            self._group.write("goal_position", values, reason="GOAL_REJECTED")
            self._goal = goal

    def let_go(self) -> None:
        """Torque off, confirmed; nothing is sent where it is off.

        Raises:
            RobotWriteError: TORQUE_NOT_OFF.
            RobotReadError: SERVO_SILENT.
        """
        if self.has_torque:
            self._group.write("torque_enable", 0, reason="TORQUE_NOT_OFF")
            self.forget()

    def forget(self) -> None:
        """Note that torque was taken off by another part."""
        self.has_torque = False
        self._goal = None
