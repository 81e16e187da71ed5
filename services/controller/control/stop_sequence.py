"""A controlled stop: hold stiffly, then let the load go gradually, then torque off.

With position servos the torque follows the distance between target and position; so the ramp
shrinks that distance to nothing, and taking torque off changes little at that moment. A joint that
efforts drive gets none from the beginning.
"""

import numpy as np
from numpy.typing import NDArray

from hal.types import RobotState, Vector
from mbctl.config.models import StopConfig


class StopSequence:
    """One stop, begun at `start_ns` on the robot's clock.

    Args:
        cause: why, for those who are told.
        held: [J] targets to hold.
        is_position: [J] which of these are positions.
    """

    def __init__(
        self,
        cause: str,
        held: Vector,
        start_ns: int,
        settings: StopConfig,
        is_position: NDArray[np.bool_],
    ) -> None:
        self.cause = cause
        self._held = held
        self._is_position = is_position
        self._ramp_start_ns = start_ns + round(settings.hold_s * 1e9)
        self._ramp_ns = round(settings.ramp_s * 1e9)

    def target(self, state: RobotState, now_ns: int) -> Vector | None:
        """[J] targets for now; None when it is time for torque off."""
        fraction = (now_ns - self._ramp_start_ns) / self._ramp_ns
        if fraction >= 1.0:
            return None
        if fraction <= 0.0:
            return self._held
        lead = self._held - state.joint_position_rad
        ramped = state.joint_position_rad + (1.0 - fraction) * lead
        return np.where(self._is_position, ramped, self._held)
