"""Ticks of a row of servos to joint angles and back, for all of them at once.

This is the only place where ticks become radians.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hal.description import ServoJoint
from hal.dynamixel.units import POSITION_RAD, VELOCITY_RAD_S
from hal.types import Vector

Ticks = NDArray[np.int64]


class ServoAngles:
    """Conversions for N servos, in their order.

    Args:
        servos: scale and offset of each.
    """

    def __init__(self, servos: Sequence[ServoJoint]) -> None:
        self.servos = tuple(servos)
        self._scale: Vector = np.array([s.scale for s in servos], dtype=np.float64)
        self._offset: Vector = np.array([s.offset_rad for s in servos], dtype=np.float64)
        ends = np.array([(s.travel_min_rad, s.travel_max_rad) for s in servos]).reshape(-1, 2)
        ticks = np.stack([self.to_ticks(ends[:, 0]), self.to_ticks(ends[:, 1])])
        self.travel_min_ticks: Ticks = ticks.min(axis=0)
        self.travel_max_ticks: Ticks = ticks.max(axis=0)

    def to_ticks(self, position_rad: Vector) -> Ticks:
        """The nearest ticks [N] for joint angles [N] in rad; neither wrapped nor clipped."""
        return np.rint((position_rad - self._offset) / self._scale / POSITION_RAD).astype(np.int64)

    def to_rad(self, ticks: Ticks) -> Vector:
        """Joint angles [N] in rad."""
        return np.asarray(ticks, dtype=np.float64) * (POSITION_RAD * self._scale) + self._offset

    def velocity_to_rad_s(self, speed: Ticks) -> Vector:
        """Joint velocities [N] in rad/s for Present Velocity (128)."""
        return np.asarray(speed, dtype=np.float64) * (VELOCITY_RAD_S * self._scale)
