"""Scripted resets of a robot of servos: what each is to whoever runs it, and the plain one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import pi

import numpy as np

from hal.errors import RobotWriteError
from hal.types import ResetTarget, RobotSpec, RobotState, Vector

LEAD_MAX_RAD = 0.15
"""A target leads its joint by no more. An XM430 that is blocked there puts 69 % of its voltage on
the motor (P gain 800 / 128 on 652 ticks per rad, of 885): 1.6 A of 2.3 at a stop, 2.8 Nm. So it
neither works itself into an overload nor exceeds its current limit, and can still lift the robot.
"""
_NS_PER_S = 1e9
_AT_REST_RAD_S = 0.08


class ResetSequence(ABC):
    """A movement to the start of an episode, made for one reset and then thrown away.

    It does no input or output and keeps no clock: the caller reads the robot, calls `step` once
    per control period and writes what comes back.
    """

    @abstractmethod
    def step(self, state: RobotState, now_ns: int) -> Vector | None:
        """Joint targets [J] in rad for the next control period; None once the reset is done.

        Args:
            state: measured just before.
            now_ns: on the same monotonic clock in every call.

        Raises:
            RobotWriteError: RESET_FAILED, the bounded attempts are used up; says which joints or
                bodies are where they should not be, and what an operator should do.
        """

    @property
    def object_goal_rad(self) -> Vector | None:
        """[K] where the objects shall be turned now; None: leave them alone."""
        return None

    @property
    def is_standing(self) -> bool:
        """Whether the bodies were found at rest and level, so that heights count from there."""
        return False


class WaypointReset(ResetSequence):
    """Straight from pose to pose, then to where the episode starts; objects turn meanwhile.

    For a robot in whose way nothing stands; one that can get caught has a sequence of its own.

    Args:
        spec: of the robot.
        target: where the episode starts; positions are cut to the specification's range.
        via: poses [J] in rad on the way, in order.
        tolerance_rad: of each joint and object.
        patience_s: for each pose.

    Raises:
        ValueError: a pose on the way that has not one finite angle for each joint.
    """

    def __init__(
        self,
        spec: RobotSpec,
        target: ResetTarget,
        via: Sequence[Sequence[float]] = (),
        *,
        tolerance_rad: float = pi / 36,
        patience_s: float = 5.0,
    ) -> None:
        low, high = spec.position_min_rad, spec.position_max_rad
        ways = [np.asarray(pose, dtype=np.float64) for pose in via]
        for way in ways:
            if way.shape != low.shape or not np.isfinite(way).all():
                raise ValueError(
                    f"pose {way.tolist()} on the way, expected {len(low)} angles in rad"
                )
        self._poses = [*ways, np.clip(target.joint_position_rad, low, high)]
        self._names = (*spec.joint_names, *spec.objects)
        self._object_goal = target.object_position_rad.copy()
        self._tolerance_rad = tolerance_rad
        self._patience_s = patience_s
        self._since_ns: int | None = None

    @property
    def object_goal_rad(self) -> Vector | None:
        return self._object_goal if self._object_goal.size else None

    def step(self, state: RobotState, now_ns: int) -> Vector | None:
        if self._since_ns is None:
            self._since_ns = now_ns
        off = self._off(state)
        if self._has_arrived(off, state):
            if len(self._poses) == 1:
                return None
            self._poses.pop(0)
            self._since_ns = now_ns
        elif (now_ns - self._since_ns) / _NS_PER_S > self._patience_s:
            raise RobotWriteError(self._complaint(off), reason="RESET_FAILED")
        return self._poses[0].copy()

    def _off(self, state: RobotState) -> Vector:
        """[J + K] how far joints and objects are from where they shall be, rad."""
        turned = (state.object_position_rad - self._object_goal + pi) % (2 * pi) - pi
        return np.abs(np.concatenate([state.joint_position_rad - self._poses[0], turned]))

    def _has_arrived(self, off: Vector, state: RobotState) -> bool:
        is_last = len(self._poses) == 1
        near = off if is_last else off[: len(state.joint_position_rad)]
        speeds = np.concatenate([state.joint_velocity_rad_s, state.object_velocity_rad_s])
        at_rest = not is_last or bool((np.abs(speeds) < _AT_REST_RAD_S).all())
        return state.is_valid and at_rest and bool((near < self._tolerance_rad).all())

    def _complaint(self, off: Vector) -> str:
        away = [
            f"{name} is {np.degrees(error):.0f} degrees off"
            for name, error in zip(self._names, off, strict=True)
            if error >= self._tolerance_rad
        ]
        return (
            f"reset failed after {self._patience_s:g} s: "
            f"{', '.join(away) or 'the robot does not come to rest'}; clear what is in its way, "
            "then clear the fault"
        )


def ramp_towards(reference_rad: Vector, goal_rad: Vector, step_max_rad: Vector | float) -> Vector:
    """`reference_rad` [J] moved towards `goal_rad` [J], each joint by at most `step_max_rad`."""
    return reference_rad + np.clip(goal_rad - reference_rad, -step_max_rad, step_max_rad)


def bound_lead(target_rad: Vector, position_rad: Vector) -> Vector:
    """`target_rad` [J], or as near to it as a target may be for joints at `position_rad` [J]."""
    return np.clip(target_rad, position_rad - LEAD_MAX_RAD, position_rad + LEAD_MAX_RAD)
