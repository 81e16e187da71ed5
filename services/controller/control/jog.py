"""Moving one joint slowly, for an operator who looks at it while bringing a robot up."""

import math

import numpy as np

from hal.types import RobotState, Vector

SETTLE_S = 0.3  # a joint that is free follows its command within this
PATIENCE_S = 1.5  # for one that does not; then it counts as not arrived
ARRIVED_RAD = 0.05  # a joint hangs through by as much under its own weight
SHARE_MIN = 0.5  # of a small movement, which is within that from the start
_STILL_RAD = 4 * 2 * math.pi / 4096  # a few counts of an encoder are no movement


class Jog:
    """One movement of one joint; the others hold.

    It advances by the same small angle each period, whatever the time: a loop that stood still
    does not make up for it.

    Args:
        command_id: of the command that is answered when it is over.
        held_rad: [J] where the joints are held now.
        joint: index of the one that moves.
        delta_rad: by how much.
        speed_rad_s: positive.
        period_s: between two calls of `next_target`.
        measured_rad: where the joint is now; where it is held, if not given.
    """

    def __init__(
        self,
        command_id: str,
        held_rad: Vector,
        joint: int,
        delta_rad: float,
        speed_rad_s: float,
        period_s: float,
        measured_rad: float | None = None,
    ) -> None:
        self.command_id = command_id
        self._start_rad = held_rad.copy()
        self.joint = joint
        self._delta_rad = delta_rad
        self._measured_rad = float(held_rad[joint]) if measured_rad is None else measured_rad
        self._steps = max(1, math.ceil(abs(delta_rad) / (speed_rad_s * period_s)))
        self._steps_to_settle = math.ceil(SETTLE_S / period_s)
        self._steps_of_patience = math.ceil(PATIENCE_S / period_s)
        self._step = 0

    @property
    def is_done(self) -> bool:
        """Whether the goal was commanded and the joint had time to follow."""
        return self._step >= self._steps + self._steps_to_settle

    @property
    def goal_rad(self) -> Vector:
        """[J] where it ends."""
        return self._target(self._start_rad[self.joint] + self._delta_rad)

    def is_over(self, state: RobotState) -> bool:
        """Whether it has arrived, or nothing more is to be expected."""
        late = self._step >= self._steps + self._steps_to_settle + self._steps_of_patience
        return late or (self.is_done and self.has_arrived(state))

    def has_arrived(self, state: RobotState) -> bool:
        """Whether the joint is where it was sent, and has moved there."""
        if not state.valid[self.joint]:
            return False
        missing = self._measured_rad + self._delta_rad - self._position(state)
        enough = max(SHARE_MIN * abs(self._delta_rad), _STILL_RAD)
        return abs(self._left_rad(state)) <= ARRIVED_RAD and abs(missing) <= enough

    def shortfall(self, state: RobotState) -> str:
        """In words, how far it came and what is left."""
        if not state.valid[self.joint]:
            return "it could not be read where it should have arrived"
        went = self._position(state) - self._measured_rad
        left = self._left_rad(state) * math.copysign(1.0, self._delta_rad)
        return (
            f"it went {math.degrees(went):.1f} of {math.degrees(self._delta_rad):.1f} degrees, "
            f"{math.degrees(left):.1f} degrees are left"
        )

    def next_target(self) -> Vector:
        """[J] for the next period."""
        self._step += 1
        fraction = min(1.0, self._step / self._steps)
        return self._target(self._start_rad[self.joint] + fraction * self._delta_rad)

    def stay(self, state: RobotState) -> Vector:
        """[J] with the joint where it came to, so that it pushes against nothing any more."""
        is_known = bool(state.valid[self.joint])
        return self._target(self._position(state)) if is_known else self.goal_rad

    def _target(self, position_rad: float) -> Vector:
        target = np.array(self._start_rad)
        target[self.joint] = position_rad
        return target

    def _left_rad(self, state: RobotState) -> float:
        return float(self._start_rad[self.joint] + self._delta_rad) - self._position(state)

    def _position(self, state: RobotState) -> float:
        return float(state.joint_position_rad[self.joint])
