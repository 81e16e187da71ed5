"""D'Claw: three fingers of three joints over a valve; ranges and order as in the ROBEL benchmark.

The ranges are those of the benchmark's commands. The simulated top joints themselves travel
[-0.45, 1.35] rad, so a measurement may lie outside the range of commands.
"""

from dataclasses import dataclass
from enum import IntEnum
from math import inf, pi

import numpy as np
from numpy.typing import NDArray

from hal.description import (
    ReferencePose,
    RobotDescription,
    SceneSource,
    ServoJoint,
    ServoLayout,
)
from hal.errors import RobotWriteError
from hal.reset import ResetSequence
from hal.robots.registry import define_robot
from hal.types import JointSpec, ResetTarget, RobotSpec, RobotState, Vector

_TOP_MAX_RAD = 0.48
_MIDDLE_MAX_RAD = pi / 3
_BOTTOM_MAX_RAD = pi / 2
VELOCITY_MAX_RAD_S = 2 * pi / 3

# The benchmark bounds only position and velocity; rows stay comparable with it as long as these
# two do not bind.
ACCELERATION_MAX_RAD_S2 = inf
# 70 % of an XM430's stall current, 2.3 A at 12 V: what a joint draws at a stop 0.15 rad from its
# target. Its register for a current limit (factory: 3.2 A) bounds current modes only, and no motor
# on 12 V draws that much. The temperature is 10 degrees below the servo's own shutdown at 80.
CURRENT_MAX_MA = 1610.0
TEMPERATURE_MAX_C = 70.0


def _joint(name: str, half_range_rad: float) -> JointSpec:
    return JointSpec(
        name=name,
        position_min_rad=-half_range_rad,
        position_max_rad=half_range_rad,
        velocity_max_rad_s=VELOCITY_MAX_RAD_S,
        acceleration_max_rad_s2=ACCELERATION_MAX_RAD_S2,
        current_max_ma=CURRENT_MAX_MA,
        temperature_max_c=TEMPERATURE_MAX_C,
    )


def _finger(prefix: str, number: int) -> tuple[JointSpec, ...]:
    return (
        _joint(f"{prefix}J{number}0", _TOP_MAX_RAD),
        _joint(f"{prefix}J{number}1", _MIDDLE_MAX_RAD),
        _joint(f"{prefix}J{number}2", _BOTTOM_MAX_RAD),
    )


DCLAW = RobotSpec(
    model="dclaw",
    joints=(*_finger("FF", 1), *_finger("MF", 2), *_finger("TH", 3)),
    objects=("valve",),
    home_position_rad=(0.0, -pi / 3, pi / 3) * 3,
)


# The top joints stop at [-0.45, 1.35] rad; resets raise them out of each other's way.
_TOP_TRAVEL = (-0.50, 1.40)
_MIDDLE_BOTTOM_TRAVEL = (-2.0, 2.0)


def _finger_servos(prefix: str, number: int) -> tuple[ServoJoint, ...]:
    first = 10 * number
    return (
        ServoJoint(f"{prefix}J{first}", first, 1.0, -pi / 2, *_TOP_TRAVEL),
        ServoJoint(f"{prefix}J{first + 1}", first + 1, 1.0, -pi, *_MIDDLE_BOTTOM_TRAVEL),
        ServoJoint(f"{prefix}J{first + 2}", first + 2, 1.0, -pi, *_MIDDLE_BOTTOM_TRAVEL),
    )


_SERVOS = ServoLayout(
    joints=(*_finger_servos("FF", 1), *_finger_servos("MF", 2), *_finger_servos("TH", 3)),
    objects=(ServoJoint("valve", 50, 1.0, -pi, -pi, pi),),
    guides=(ServoJoint("guide", 60, 1.0, -pi, -pi, pi),),
    calibration="robel",
)

# --- reset

ATTEMPTS = 4
TOLERANCE_RAD = np.radians(5)
AT_REST_RAD_S = 0.08
_OPEN_TOP_RAD = pi / 4
_IN_TOP_RAD = -0.4  # as far the other way as the joint's stop at -0.45 rad lets it
# Fingers that hold the valve from three sides hold each other: each attempt opens another way. Tops
# swing to an angle while the rest gives way, or (None) the rest folds up while tops give way.
_WAYS_RAD = (_OPEN_TOP_RAD, None, _IN_TOP_RAD)
_OBJECT_TOLERANCE_RAD = np.radians(3)
_ARRIVED_RAD = np.radians(8)  # on the way; the last stage is the strict one

_TOPS, _MIDDLES, _BOTTOMS = (slice(i, None, 3) for i in range(3))


class Stage(IntEnum):
    """In order; RELEASE only after a failed attempt."""

    RELEASE = 0
    OPEN = 1
    ALIGN = 2
    CLOSE = 3
    SETTLE = 4


_PATIENCE_S = {
    Stage.RELEASE: 0.75,
    Stage.OPEN: 2.0,
    Stage.ALIGN: 8.0,
    Stage.CLOSE: 2.0,
    Stage.SETTLE: 2.0,
}


@dataclass(frozen=True, slots=True)
class _Progress:
    stage: Stage
    since_ns: int
    attempt: int


class DClawReset(ResetSequence):
    """Fingers out of the valve, valve turned, fingers back in.

    After the ROBEL benchmark's scripted reset, without its pauses of fixed length: each stage ends
    when its joints have arrived, and a finger that got caught is let go and led out another way.
    Fingers come back in raised, as at home, and are lowered last: a stiff finger that swung in low
    would take the valve along.

    Args:
        spec: of D'Claw.
        target: where the episode starts; positions are cut to the specification's range.
        attempts: before an operator is asked.
    """

    def __init__(self, spec: RobotSpec, target: ResetTarget, attempts: int = ATTEMPTS) -> None:
        self._names = spec.joint_names
        self._goal = np.clip(
            target.joint_position_rad, spec.position_min_rad, spec.position_max_rad
        )
        self._object_goal = target.object_position_rad.copy()
        self._raised = self._goal.copy()
        for links in (_MIDDLES, _BOTTOMS):
            self._raised[links] = np.array(spec.home_position_rad)[links]
        self._attempts = attempts
        self._progress: _Progress | None = None

    @property
    def object_goal_rad(self) -> Vector | None:
        """[K] where the objects shall be turned now; None: leave them alone."""
        is_aligning = self._progress is not None and self._progress.stage is Stage.ALIGN
        return self._object_goal if is_aligning else None

    def step(self, state: RobotState, now_ns: int) -> Vector | None:
        """Joint targets [J] rad for the next period; None when done.

        Raises:
            RobotWriteError: RESET_FAILED.
        """
        progress = self._progress or _Progress(Stage.OPEN, now_ns, 1)
        if self._has_arrived(progress, state):
            if progress.stage is Stage.SETTLE:
                return None
            progress = _Progress(Stage(progress.stage + 1), now_ns, progress.attempt)
        elif (now_ns - progress.since_ns) / 1e9 > _PATIENCE_S[progress.stage]:
            progress = self._after_patience(progress, state, now_ns)
        self._progress = progress
        return self._targets(progress, state)

    def _after_patience(self, progress: _Progress, state: RobotState, now_ns: int) -> _Progress:
        """Once more from the start, if there is an attempt left."""
        if progress.stage is Stage.RELEASE:
            return _Progress(Stage.OPEN, now_ns, progress.attempt)
        if progress.attempt >= self._attempts:
            raise RobotWriteError(self._complaint(progress, state), reason="RESET_FAILED")
        return _Progress(Stage.RELEASE, now_ns, progress.attempt + 1)

    def _has_arrived(self, progress: _Progress, state: RobotState) -> bool:
        stage, error = progress.stage, np.abs(state.joint_position_rad - self._goal)
        if stage is Stage.RELEASE:
            return False
        if stage is Stage.OPEN:
            return self._is_open(progress.attempt, state)
        if stage is Stage.ALIGN:
            folded = self._is_folded(state)
            return folded and bool(self._is_aligned(state, _OBJECT_TOLERANCE_RAD).all())
        if stage is Stage.CLOSE:
            return bool((error < _ARRIVED_RAD).all())
        at_rest = np.abs(state.joint_velocity_rad_s) < AT_REST_RAD_S
        in_place = at_rest & (error < TOLERANCE_RAD) & state.valid & state.object_valid.all()
        return bool(in_place.all() and self._is_aligned(state, TOLERANCE_RAD).all())

    def _is_open(self, attempt: int, state: RobotState) -> bool:
        angle = _way_rad(attempt)
        if angle is None:
            return self._is_folded(state)
        return bool((np.abs(state.joint_position_rad[_TOPS] - angle) < 0.2).all())

    def _is_folded(self, state: RobotState) -> bool:
        error = np.abs(state.joint_position_rad - self._raised)
        return bool((np.concatenate([error[_MIDDLES], error[_BOTTOMS]]) < _ARRIVED_RAD).all())

    def _is_aligned(self, state: RobotState, tolerance_rad: float) -> NDArray[np.bool_]:
        off = (state.object_position_rad - self._object_goal + pi) % (2 * pi) - pi
        return (np.abs(off) < tolerance_rad) & (
            np.abs(state.object_velocity_rad_s) < 2 * AT_REST_RAD_S
        )

    def _targets(self, progress: _Progress, state: RobotState) -> Vector:
        """Tops lead out first and in last: they carry the whole finger."""
        if progress.stage is Stage.RELEASE:
            return state.joint_position_rad.copy()  # no more force than the servos' own friction
        if progress.stage is Stage.OPEN:
            return self._opening(progress.attempt, state)
        if progress.stage is Stage.ALIGN:
            targets = self._raised.copy()
            targets[_TOPS] = _OPEN_TOP_RAD
            return targets
        away = np.abs(state.joint_position_rad - self._goal)[_TOPS]
        is_in = progress.stage is Stage.SETTLE or bool((away < _ARRIVED_RAD).all())
        return (self._goal if is_in else self._raised).copy()

    def _opening(self, attempt: int, state: RobotState) -> Vector:
        targets, angle = state.joint_position_rad.copy(), _way_rad(attempt)
        if angle is not None:
            targets[_TOPS] = angle
        else:
            for links in (_MIDDLES, _BOTTOMS):
                targets[links] = self._raised[links]
        return targets

    def _complaint(self, progress: _Progress, state: RobotState) -> str:
        off = [
            f"{name} is {np.degrees(error):.0f} degrees off"
            for name, error in zip(self._names, self._missing(progress, state), strict=True)
            if error >= TOLERANCE_RAD
        ]
        if progress.stage >= Stage.ALIGN and not self._is_aligned(state, TOLERANCE_RAD).all():
            off.append("the object did not turn to where it should be")
        return (
            f"reset failed in {progress.attempt} attempts, stage {progress.stage.name}: "
            f"{', '.join(off) or 'the robot does not come to rest'}; free the fingers by hand, "
            "then clear the fault"
        )

    def _missing(self, progress: _Progress, state: RobotState) -> Vector:
        """[J] rad that are left to where this stage waits for each joint; 0 where it does not."""
        missing, angle = np.abs(state.joint_position_rad - self._goal), _way_rad(progress.attempt)
        if progress.stage is Stage.OPEN and angle is not None:
            missing[:] = 0.0
            missing[_TOPS] = np.abs(state.joint_position_rad[_TOPS] - angle)
        elif progress.stage in (Stage.OPEN, Stage.ALIGN):
            missing[_TOPS] = 0.0
        return missing


def _way_rad(attempt: int) -> float | None:
    """Where the tops swing to in this attempt, counted from 1; None: the rest folds up."""
    return _WAYS_RAD[(attempt - 1) % len(_WAYS_RAD)]


define_robot(
    RobotDescription(
        DCLAW,
        # The overlay is a green ghost that shows goals on screen: nine more joints that no robot
        # has. It touches nothing, so the real joints move the same without it.
        SceneSource(
            path="dclaw/assets/dclaw3xh_valve3_v0.xml",
            package="robel",
            omit=("chain3xh_overlay.xml",),
            object_joints={"valve": "valve_OBJRx"},
        ),
        _SERVOS,
        DClawReset,
        ReferencePose(
            "Bring every finger into one straight line that points away from the palm, at right "
            "angles to it: all nine joints at 0. A straight edge along each finger gets it within "
            "a degree."
        ),
    ),
    __name__,
)
