"""Goal positions: sent in one sync write, seen to arrive, and sent again if they did not."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hal.dynamixel.angles import ServoAngles, Ticks
from hal.dynamixel.bus import ServoBus
from hal.dynamixel.readings import ServoReadings
from hal.dynamixel.servo import Servo, names_of
from hal.errors import RobotWriteError
from hal.types import Vector

_UNSEEN_MAX = 3


class GoalWriter:
    """Goals of the first J of the servos that are read.

    Args:
        bus: opened.
        servos: [J] the joints.
        angles: their conversions.

    Attributes:
        resent: goals sent once more because a servo had not taken them.
    """

    def __init__(self, bus: ServoBus, servos: Sequence[Servo], angles: ServoAngles) -> None:
        self._bus = bus
        self._servos = tuple(servos)
        self._angles = angles
        self._ids = [servo.id for servo in servos]
        self._address = servos[0].table["goal_position"].address
        self._low: Ticks = np.array([s.goal_min_ticks for s in servos])
        self._high: Ticks = np.array([s.goal_max_ticks for s in servos])
        self._sent: Ticks | None = None
        self._unseen = 0
        self.resent = 0

    def seed(self, ticks: Sequence[int]) -> None:
        """What the servos hold already."""
        self._sent = np.array(ticks, dtype=np.int64)
        self._unseen = 0

    def clear(self) -> None:
        """Torque is off: nothing is held."""
        self._sent = None

    @property
    def held_rad(self) -> Vector | None:
        """[J] rad of the last goals; None without torque."""
        return None if self._sent is None else self._angles.to_rad(self._sent)

    def send(self, position_rad: Vector) -> Vector:
        """Send [J] rad, cut to where the servos may go; return what was sent.

        Raises:
            PortError: it could not be written.
        """
        goal = np.clip(self._angles.to_ticks(position_rad), self._low, self._high)
        self._put(goal)
        return self._angles.to_rad(goal)

    def confirm(self, readings: ServoReadings) -> None:
        """Compare the goals in force with those sent; send them again where they differ.

        Raises:
            RobotWriteError: GOAL_REJECTED, a servo has refused three times in a row.
            PortError: they could not be written.
        """
        if self._sent is None:
            return
        wrong = self._differing(readings, self._sent)
        if not wrong.any():
            self._unseen = 0
            return
        self._unseen += 1
        if self._unseen > _UNSEEN_MAX:
            refused = [s for s, is_wrong in zip(self._servos, wrong, strict=True) if is_wrong]
            index = int(np.argmax(wrong))
            raise RobotWriteError(
                f"{names_of(refused)} did not take its goal {self._sent[index]} in "
                f"{_UNSEEN_MAX} tries; its own limits were [{self._low[index]}, "
                f"{self._high[index]}] ticks when it was connected",
                reason="GOAL_REJECTED",
            )
        self.resent += 1
        self._put(self._sent)

    def _differing(self, readings: ServoReadings, sent: Ticks) -> NDArray[np.bool_]:
        count = len(self._servos)
        in_force = readings.rows["goal_position"][:count]
        return readings.fresh[:count] & (in_force != sent)

    def _put(self, ticks: Ticks) -> None:
        self._sent = ticks
        data = ticks.astype("<i4").tobytes()
        self._bus.sync_write(
            self._address,
            {servo_id: data[4 * i : 4 * i + 4] for i, servo_id in enumerate(self._ids)},
        )
