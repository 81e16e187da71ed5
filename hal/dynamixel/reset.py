"""What every scripted reset of a robot on the bus looks like to the robot that runs it."""

from typing import Protocol

import numpy as np

from hal.types import RobotState, Vector

LEAD_MAX_RAD = 0.15
"""A target leads its joint by no more. An XM430 that is blocked there puts 69 % of its voltage on
the motor (P gain 800 / 128 on 652 ticks per rad, of 885): 1.6 A of 2.3 at a stop, 2.8 Nm. So it
neither works itself into an overload nor exceeds its current limit, and can still lift the robot.
"""


class ResetSequence(Protocol):
    """A movement to the start of an episode, made for one reset and then thrown away.

    It does no input or output and keeps no clock: the caller reads the robot, calls `step` once
    per control period and writes what comes back.
    """

    def step(self, state: RobotState, now_ns: int) -> Vector | None:
        """Joint targets [J] in rad for the next control period; None once the reset is done.

        Args:
            state: measured just before.
            now_ns: on the same monotonic clock in every call.

        Raises:
            RobotWriteError: RESET_FAILED, the bounded attempts are used up; says which joints or
                bodies are where they should not be, and what an operator should do.
        """
        ...


def ramp_towards(reference_rad: Vector, goal_rad: Vector, step_max_rad: Vector | float) -> Vector:
    """`reference_rad` [J] moved towards `goal_rad` [J], each joint by at most `step_max_rad`."""
    return reference_rad + np.clip(goal_rad - reference_rad, -step_max_rad, step_max_rad)


def bound_lead(target_rad: Vector, position_rad: Vector) -> Vector:
    """`target_rad` [J], or as near to it as a target may be for joints at `position_rad` [J]."""
    return np.clip(target_rad, position_rad - LEAD_MAX_RAD, position_rad + LEAD_MAX_RAD)
