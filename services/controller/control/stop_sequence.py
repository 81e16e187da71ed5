"""A controlled stop: hold stiffly, then let the load go gradually, then torque off.

With position servos the torque follows the distance between target and position; so the ramp
shrinks that distance to nothing, and taking torque off changes little at that moment.
"""

from hal.types import RobotState, Vector
from services.controller.control.settings import StopSettings


class StopSequence:
    """One stop, begun at `start_ns` on the robot's clock.

    Args:
        cause: why, for those who are told.
        held_rad: [J] target to hold.
    """

    def __init__(self, cause: str, held_rad: Vector, start_ns: int, settings: StopSettings) -> None:
        self.cause = cause
        self._held_rad = held_rad
        self._ramp_start_ns = start_ns + round(settings.hold_s * 1e9)
        self._ramp_ns = round(settings.ramp_s * 1e9)

    def target(self, state: RobotState, now_ns: int) -> Vector | None:
        """[J] target for now; None when it is time for torque off."""
        fraction = (now_ns - self._ramp_start_ns) / self._ramp_ns
        if fraction >= 1.0:
            return None
        if fraction <= 0.0:
            return self._held_rad
        lead = self._held_rad - state.joint_position_rad
        return state.joint_position_rad + (1.0 - fraction) * lead
