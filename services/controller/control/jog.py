"""Moving one joint slowly, for an operator who looks at it while bringing a robot up."""

import math

import numpy as np

from hal.types import Vector

SETTLE_S = 0.3  # the joint follows its command within this


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
    """

    def __init__(
        self,
        command_id: str,
        held_rad: Vector,
        joint: int,
        delta_rad: float,
        speed_rad_s: float,
        period_s: float,
    ) -> None:
        self.command_id = command_id
        self._start_rad = held_rad.copy()
        self._joint = joint
        self._delta_rad = delta_rad
        self._steps = max(1, math.ceil(abs(delta_rad) / (speed_rad_s * period_s)))
        self._steps_to_settle = math.ceil(SETTLE_S / period_s)
        self._step = 0

    @property
    def is_done(self) -> bool:
        """Whether the goal was commanded and the joint had time to follow."""
        return self._step >= self._steps + self._steps_to_settle

    def next_target(self) -> Vector:
        """[J] for the next period."""
        self._step += 1
        fraction = min(1.0, self._step / self._steps)
        target = np.array(self._start_rad)
        target[self._joint] += fraction * self._delta_rad
        return target
