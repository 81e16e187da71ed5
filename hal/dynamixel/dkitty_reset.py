"""D'Kitty gets up from wherever it fell, by script: flatten, flip over if need be, tuck, stand.

The stages follow the ROBEL benchmark's hardware reset. Which one comes next is decided by the tilt
of the torso and the joints alone, not by the torso's height: that depends on how the tracker was
calibrated, and legs that are straight under an upright torso leave nothing open.
"""

from collections.abc import Iterator

import numpy as np

from hal.dynamixel.dkitty_poses import FLAT, STAND, TUCK, flip
from hal.dynamixel.reset import bound_lead
from hal.errors import RobotWriteError
from hal.trackers.rotation import matrix_from_angles
from hal.types import RobotSpec, RobotState, Vector

ATTEMPTS_MAX = 5
_SPEED_MAX_RAD_S = 2.0
_STEP_MAX_S = 0.2  # of movement per call, however late it comes

_UPRIGHT_MIN = 0.9  # cosine of the tilt, as in the benchmark
_ON_FEET_HIP_MAX_RAD = 0.7
_STANDING_ERROR_MAX_RAD = 0.15
_START_ERROR_MAX_RAD = 0.35  # bent legs carry the torso, and hang through
# Cosine of the tilt; no start of the benchmark's simulation is beyond.
UPRIGHT_AT_START_MIN = 0.5

_STAGE_MAX_S = 6.0
_REST_S = 0.3
_REST_CHANGE_MAX = 0.02  # rad of a joint, or of the torso's up vector
_LOST_MAX_S = 2.0
_NS_PER_S = 1e9


class DKittyReset:
    """One reset, from any pose of torso and legs to a start on its feet; see ResetSequence.

    Args:
        spec: the D'Kitty, for its joints' names.
        joint_position_rad: [12] legs at the start of the episode, reached from standing. Where it
            falls over on them, it starts with a quarter of that, and so on.
    """

    def __init__(self, spec: RobotSpec, joint_position_rad: Vector) -> None:
        self._names = spec.joint_names
        self._target = joint_position_rad.copy()
        self._state: RobotState | None = None
        self._script = self._stages()
        self._goal: Vector | None = None
        self._reference = np.zeros(len(self._names))
        self._last_ns = self._moved_ns = self._stage_ns = self._seen_ns = 0
        self._up = np.zeros(3)
        self._rested: Vector | None = None
        self._is_standing = self._is_done = False
        self._last_aim = STAND

    @property
    def is_standing(self) -> bool:
        """Whether it was found at rest on straight legs: true from then on."""
        return self._is_standing

    def step(self, state: RobotState, now_ns: int) -> Vector | None:
        """Targets [12] in rad for the next control period; None once it is done.

        Raises:
            RobotWriteError: RESET_FAILED, after five attempts, or with the torso out of sight.
        """
        if self._state is None:
            self._reference = state.joint_position_rad.copy()
            self._last_ns = self._seen_ns = now_ns
        elapsed_s = (now_ns - self._last_ns) / _NS_PER_S
        self._last_ns = now_ns
        if not state.is_valid:
            return self._wait_for_sight(state, now_ns)
        self._seen_ns = now_ns
        self._watch(state, now_ns)
        if self._goal is None or self._is_over(now_ns):
            self._goal = next(self._script, None)
            self._stage_ns = self._moved_ns = now_ns
        if self._goal is None:
            if self._is_done:
                return None
            raise RobotWriteError(self._describe_failure(), reason="RESET_FAILED")
        return self._advance(self._goal, state.joint_position_rad, elapsed_s)

    def _stages(self) -> Iterator[Vector]:
        """The goals [12], each chosen when the one before is reached or has come to rest."""
        share = 1.0
        for attempt in range(ATTEMPTS_MAX):
            if attempt > 0 or not self._is_on_feet():
                yield FLAT
                if self._up[2] < 0.0:
                    yield from flip(is_over_left=attempt % 2 == 0)
                    yield FLAT
                yield TUCK
            self._last_aim = STAND
            yield STAND
            self._is_standing = self._stands()
            if self._is_standing:
                self._last_aim = share * self._target
                yield self._last_aim
                if self._up[2] < UPRIGHT_AT_START_MIN:
                    share /= 4.0  # a fall costs half a minute
                elif self._errors(self._last_aim).max() <= _START_ERROR_MAX_RAD:
                    self._is_done = True
                    return

    def _watch(self, state: RobotState, now_ns: int) -> None:
        """Note the torso's up vector, and since when nothing has left its place.

        Places, not speeds: one tick of an encoder within a short period would be a speed.
        """
        up = matrix_from_angles(state.body_pose[0, 3:])[2]
        seen = np.concatenate([state.joint_position_rad, up])
        if self._rested is None or np.abs(seen - self._rested).max() > _REST_CHANGE_MAX:
            self._rested, self._moved_ns = seen, now_ns
        self._state, self._up = state, up

    def _is_over(self, now_ns: int) -> bool:
        """At rest at the goal, or as near as it gets, or out of time."""
        if (now_ns - self._stage_ns) / _NS_PER_S > _STAGE_MAX_S:
            return True
        return (now_ns - self._moved_ns) / _NS_PER_S > _REST_S

    def _advance(self, goal: Vector, position: Vector, elapsed_s: float) -> Vector:
        """Straight to the goal: joints that start together arrive together.

        A thigh that stood straight before its knee would tip the robot over.
        """
        step_max = _SPEED_MAX_RAD_S * min(elapsed_s, _STEP_MAX_S)
        way = goal - self._reference
        share = min(1.0, step_max / max(float(np.abs(way).max()), 1e-9))
        self._reference = bound_lead(self._reference + share * way, position)
        return self._reference.copy()

    def _wait_for_sight(self, state: RobotState, now_ns: int) -> Vector:
        """Hold still while a joint or the torso cannot be measured."""
        lost_s = (now_ns - self._seen_ns) / _NS_PER_S
        if lost_s > _LOST_MAX_S:
            mute = [n for n, valid in zip(self._names, state.valid, strict=True) if not valid]
            raise RobotWriteError(
                f"reset given up after {lost_s:.1f} s without a measurement of "
                f"{', '.join(mute) or 'the torso: is the tracker in view?'}",
                reason="RESET_FAILED",
            )
        return self._reference.copy()

    def _is_on_feet(self) -> bool:
        hips = self._errors(STAND)[::3]
        return bool(self._up[2] >= _UPRIGHT_MIN and hips.max() <= _ON_FEET_HIP_MAX_RAD)

    def _stands(self) -> bool:
        errors = self._errors(STAND)
        return bool(self._up[2] >= _UPRIGHT_MIN and errors.max() <= _STANDING_ERROR_MAX_RAD)

    def _errors(self, goal: Vector) -> Vector:
        assert self._state is not None  # the script runs in `step` only, after `_watch`
        return np.abs(self._state.joint_position_rad - goal)

    def _describe_failure(self) -> str:
        allowed = _STANDING_ERROR_MAX_RAD if self._last_aim is STAND else _START_ERROR_MAX_RAD
        away = [
            f"{name} by {np.degrees(error):.0f} degrees"
            for name, error in zip(self._names, self._errors(self._last_aim), strict=True)
            if error > allowed
        ]
        tilt, limit = (
            np.degrees(np.arccos(np.clip(u, -1, 1))) for u in (self._up[2], _UPRIGHT_MIN)
        )
        return (
            f"D'Kitty does not stand after {ATTEMPTS_MAX} attempts: its torso is {tilt:.0f} "
            f"degrees off upright, limit {limit:.0f}; joints off their place: "
            f"{', '.join(away) or 'none'}. "
            f"Free its legs and put it on its feet by hand, on level ground, then reset again"
        )
