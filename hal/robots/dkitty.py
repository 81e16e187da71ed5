"""D'Kitty: four legs of three joints under a torso; ranges and order as in the ROBEL benchmark.

The ranges are those of the benchmark's commands. The simulated knees stop at -pi/2 rad, so the last
fifth of their range commands no more than the stop. The robot looks along its own y axis; all
joints at zero is standing upright with straight legs.
"""

from collections.abc import Iterator
from math import inf, pi

import numpy as np

from hal.description import (
    InitialPose,
    ReferencePose,
    RobotDescription,
    SceneSource,
    ServoJoint,
    ServoLayout,
)
from hal.errors import RobotWriteError
from hal.reset import ResetSequence, bound_lead
from hal.robots.registry import define_robot
from hal.trackers.rotation import matrix_from_angles
from hal.types import JointSpec, ResetTarget, RobotSpec, RobotState, Vector

HIP_OUT_RAD = 0.5
HIP_IN_RAD = 0.279
THIGH_MAX_RAD = pi / 2
KNEE_MIN_RAD = -2.0
VELOCITY_MAX_RAD_S = pi
_HEIGHT_M = 0.28  # of the torso of a robot that lies

# The benchmark bounds only position and velocity; rows stay comparable with it as long as these
# do not bind.
ACCELERATION_MAX_RAD_S2 = inf
# 70 % of an XM430's stall current, 2.3 A at 12 V: what a joint draws at a stop 0.15 rad from its
# target. Its register for a current limit (factory: 3.2 A) bounds current modes only, and no motor
# on 12 V draws that much. The temperature is 10 degrees below the servo's own shutdown at 80.
CURRENT_MAX_MA = 1610.0
TEMPERATURE_MAX_C = 70.0


def _joint(name: str, low_rad: float, high_rad: float) -> JointSpec:
    return JointSpec(
        name=name,
        position_min_rad=low_rad,
        position_max_rad=high_rad,
        velocity_max_rad_s=VELOCITY_MAX_RAD_S,
        acceleration_max_rad_s2=ACCELERATION_MAX_RAD_S2,
        current_max_ma=CURRENT_MAX_MA,
        temperature_max_c=TEMPERATURE_MAX_C,
    )


def _leg(prefix: str, number: int) -> tuple[JointSpec, ...]:
    # Hip angles that lead outwards count up on the left and down on the right.
    hip = (-HIP_IN_RAD, HIP_OUT_RAD) if prefix.endswith("L") else (-HIP_OUT_RAD, HIP_IN_RAD)
    return (
        _joint(f"A:{prefix}J{number}0", *hip),
        _joint(f"A:{prefix}J{number}1", 0.0, THIGH_MAX_RAD),
        _joint(f"A:{prefix}J{number}2", KNEE_MIN_RAD, 0.0),
    )


DKITTY = RobotSpec(
    model="dkitty",
    joints=(*_leg("FR", 1), *_leg("FL", 2), *_leg("BL", 3), *_leg("BR", 4)),
    objects=(),
    home_position_rad=(0.0,) * 12,
    bodies=("torso",),
)


# Angles outwards count up on the left, down on the right. Flipping over takes a hip 5 pi / 4 out.
_HIP_TRAVEL_OUT_RAD, _HIP_TRAVEL_IN_RAD = 3.98, 0.83
_THIGH_TRAVEL = (-2.45, 2.45)
_KNEE_TRAVEL = (-2.55, 2.55)


def _leg_servos(
    prefix: str, number: int, hip: tuple[float, float], scale: float
) -> tuple[ServoJoint, ...]:
    first, out, inwards = 10 * number, _HIP_TRAVEL_OUT_RAD, _HIP_TRAVEL_IN_RAD
    travel = (-inwards, out) if prefix.endswith("L") else (-out, inwards)
    return (
        ServoJoint(f"A:{prefix}J{first}", first, *hip, *travel),
        ServoJoint(f"A:{prefix}J{first + 1}", first + 1, scale, -scale * pi, *_THIGH_TRAVEL),
        ServoJoint(f"A:{prefix}J{first + 2}", first + 2, scale, -scale * pi, *_KNEE_TRAVEL),
    )


_SERVOS = ServoLayout(
    joints=(
        *_leg_servos("FR", 1, (1.0, -1.5 * pi), -1.0),
        *_leg_servos("FL", 2, (1.0, -0.5 * pi), 1.0),
        *_leg_servos("BL", 3, (-1.0, 1.5 * pi), 1.0),
        *_leg_servos("BR", 4, (-1.0, 0.5 * pi), -1.0),
    ),
    calibration="robel",
)

# --- poses of the reset, and how it turns over from its back
#
# The benchmark's own flip needs hips that turn 5 pi / 4 outwards. Its simulated robot stops at
# 3.42 rad, leans at 23 degrees from where it would tip, and falls back. The flip here stays inside
# those stops: the legs of one side push off over the back until the torso leans on its other edge,
# then weight is moved across that edge leg by leg. Each stage ends at rest, so speed decides
# nothing.

Leg = tuple[float, float, float]

_OUTWARDS = np.array([-1.0, 1.0, 1.0, -1.0])
_MIRRORED = [1, 0, 3, 2]
_SIDE, _OVER, _IN = np.pi / 2, 3.4, -0.27
_FOLD, _BEND = 2.1, 1.5


def _pose(front_right: Leg, front_left: Leg, back_left: Leg, back_right: Leg) -> Vector:
    """[4, 3]; one leg is hip (counted outwards), thigh, knee in rad."""
    return np.array([front_right, front_left, back_left, back_right])


def _folded(hip: float) -> Vector:
    """[4, 3] all legs folded, feet pointing away from the middle."""
    front, back = (hip, -_FOLD, _BEND), (hip, _FOLD, -_BEND)
    return _pose(front, front, back, back)


def _joints(pose: Vector) -> Vector:
    """[12] joint angles of a pose [4, 3], whose hips count outwards."""
    angles = pose.copy()
    angles[:, 0] *= _OUTWARDS
    return angles.ravel()


FLAT = _joints(_folded(_SIDE))
"""[12] belly or back on the floor, legs out sideways."""
TUCK = _joints(_folded(0.0))
"""[12] on folded legs."""
STAND = np.zeros(12)
"""[12] on straight legs."""

# Over the left edge. Legs turned in lie flat on the floor before the belly once the torso is on its
# edge: the room in which weight on the belly's side can rest.
_UP = (_OVER, 0.0, 0.0)
_IN_FRONT = (0.0, 0.0, 0.0)
_LAID = (_IN, 0.0, 0.0)
_LAID_FOLDED = (_IN, _FOLD, -_BEND)
_FLIP = (
    # On its back: the right legs push down behind the back until the torso stands on its left edge.
    _pose(_UP, _LAID, _LAID, _UP),
    # The weight of one leg, swung before the belly, tips it over the edge; the other leg holds.
    _pose(_UP, _LAID, _LAID, _IN_FRONT),
    # All weight before the belly; the left legs fold without leaving the floor.
    _pose(_IN_FRONT, _LAID_FOLDED, _LAID_FOLDED, _IN_FRONT),
    # The back left leg lifts the tail. The front left leg alone is too narrow a stand: it falls on
    # its belly.
    _pose(_IN_FRONT, _LAID_FOLDED, (_SIDE, _FOLD, -_BEND), _IN_FRONT),
)


def flip(is_over_left: bool) -> Iterator[Vector]:
    """The goals [12] that turn D'Kitty from its back over one of its edges onto its belly."""
    for pose in _FLIP:
        yield _joints(pose if is_over_left else pose[_MIRRORED])


# --- reset

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


class DKittyReset(ResetSequence):
    """Up from wherever it fell: flatten, flip over if need be, tuck, stand.

    The stages follow the ROBEL benchmark's hardware reset. Which one comes next is decided by the
    tilt of the torso and the joints alone, not by the torso's height: that depends on how the
    tracker was calibrated, and legs that are straight under an upright torso leave nothing open.

    Args:
        spec: the D'Kitty, for its joints' names.
        target: its legs [12] are those at the start of the episode, reached from standing. Where it
            falls over on them, it starts with a quarter of that, and so on.
    """

    def __init__(self, spec: RobotSpec, target: ResetTarget) -> None:
        self._names = spec.joint_names
        self._target = target.joint_position_rad.copy()
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


define_robot(
    RobotDescription(
        DKITTY,
        # The models of the benchmark's other tasks differ from this one in markers only. All of
        # them carry the torso on three slides and three hinges. Rolled onto its side, two of these
        # turn about the same axis, and the simulation diverges; and they let it turn by no more
        # than half a turn. A free joint moves alike wherever that is not so.
        SceneSource(
            path="dkitty/assets/dkitty_stand-v0.xml",
            package="robel",
            free_bodies={"torso": "kitty_frame"},
        ),
        _SERVOS,
        DKittyReset,
        ReferencePose(
            "Lay the torso on a stand so that the legs hang free, and bring every leg into one "
            "straight line at right angles to the torso: all twelve joints at 0. A straight edge "
            "along each leg gets it within a degree."
        ),
        # On the side it looks along -x: with the rotation about the body's y axis at a quarter turn
        # the other two hinges of the benchmark's model would be one.
        {
            "stand": InitialPose(((0.0, 0.0, 0.0, 0.0, 0.0, 0.0),), is_held=True),
            "lie": InitialPose(((0.0, 0.0, _HEIGHT_M, pi / 2, 0.0, pi / 2),)),
            "upside-down": InitialPose(((0.0, 0.0, _HEIGHT_M, 0.0, pi, 0.0),)),
        },
    ),
    __name__,
)
