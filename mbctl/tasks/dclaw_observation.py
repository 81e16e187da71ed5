"""D'Claw Turn's observations: which columns there are, how they mirror, what they tell.

default: claw positions 9, claw velocities 9, valve cos, sin and velocity, last action 9,
    fingertips as seen from the valve's handles 12, cos and sin of the valve's error.
paper: the same without last action and fingertips (PAL/MAL paper, appendix B.1).
robel: ROBEL's own 21 columns; no velocities, the error as an angle.
"""

from typing import Any

from hal.arrays import array_namespace
from hal.robots.dclaw import DCLAW
from mbctl.tasks.angles import wrap_angle
from mbctl.tasks.dclaw_kinematics import handle_features
from mbctl.tasks.dclaw_symmetry import MIRROR_SIGN, SWAPPED
from mbctl.tasks.reflection import Reflection

Array = Any

OBSERVATIONS = ("default", "paper", "robel")
VALVE, VALVE_VELOCITY = 18, 19  # columns of the physical part

_FINGERS = ("first", "second", "third")
POSITIONS = tuple(f"{j}_position_rad" for j in DCLAW.joint_names)
VELOCITIES = tuple(f"{j}_velocity_rad_s" for j in DCLAW.joint_names)
_LAST_ACTION = tuple(f"{j}_last_action" for j in DCLAW.joint_names)
_TIPS = tuple(
    f"{finger}_tip_{what}"
    for what in ("distance_dm", "height_dm", "handle_cos", "handle_sin")
    for finger in _FINGERS
)
_VALVE = ("valve_cos", "valve_sin", "valve_velocity_rad_s")
_ERROR = ("error_cos", "error_sin")

NAMES = {
    "default": (*POSITIONS, *VELOCITIES, *_VALVE, *_LAST_ACTION, *_TIPS, *_ERROR),
    "paper": (*POSITIONS, *VELOCITIES, *_VALVE, *_ERROR),
    "robel": (*POSITIONS, "valve_cos", "valve_sin", *_LAST_ACTION, "valve_error_rad"),
}


def compose(kind: str, physical: Array, last_action: Array, goal: Array) -> Array:
    """The observation [..., O] of physical [..., 20], last action [..., 9], goal [..., 1]."""
    xp = array_namespace(physical)
    valve = physical[..., VALVE : VALVE + 1]
    error = wrap_angle(goal - valve)
    turned = [xp.cos(valve), xp.sin(valve)]
    if kind == "robel":
        return xp.concat([physical[..., :9], *turned, last_action, error], axis=-1)
    parts = [physical[..., :VALVE], *turned, physical[..., VALVE_VELOCITY:]]
    if kind == "default":
        parts += [last_action, handle_features(valve, physical[..., :9])]
    return xp.concat([*parts, xp.cos(error), xp.sin(error)], axis=-1)


def physical_part(kind: str, observation: Array) -> Array:
    """Physical [..., 20] from an observation; the valve's angle within (-pi, pi]."""
    xp = array_namespace(observation)
    if kind == "robel":
        claw, cos, sin = observation[..., :9], observation[..., 9:10], observation[..., 10:11]
        still = xp.zeros_like(claw)
        return xp.concat([claw, still, xp.atan2(sin, cos), xp.zeros_like(cos)], axis=-1)
    valve = xp.atan2(observation[..., 19:20], observation[..., 18:19])
    return xp.concat([observation[..., :18], valve, observation[..., 20:21]], axis=-1)


def last_action_part(kind: str, observation: Array) -> Array:
    """Last action [..., 9] from an observation; zeros where it does not tell."""
    if kind == "paper":
        return array_namespace(observation).zeros_like(observation[..., :9])
    begin = 11 if kind == "robel" else 21
    return observation[..., begin : begin + 9]


def error_part(kind: str, observation: Array) -> Array:
    """Goal minus valve angle, [..., 1] rad, from an observation."""
    xp = array_namespace(observation)
    if kind == "robel":
        return observation[..., -1:]
    return xp.atan2(observation[..., -1:], observation[..., -2:-1])


def reflection_of(kind: str) -> Reflection | None:
    """The mirror image chosen by the sign of the error; ROBEL's columns have none declared."""
    if kind == "robel":
        return None
    blocks: list[tuple[tuple[int, ...], tuple[float, ...]]] = [
        (SWAPPED, MIRROR_SIGN),
        (SWAPPED, MIRROR_SIGN),
    ]
    blocks.append(((0, 1, 2), (1.0, -1.0, -1.0)))
    if kind == "default":
        plain, turned = ((1, 0, 2), (1.0,) * 3), ((1, 0, 2), (-1.0,) * 3)
        blocks += [(SWAPPED, MIRROR_SIGN), plain, plain, plain, turned]
    blocks.append(((0, 1), (1.0, -1.0)))
    order: list[int] = []
    for columns, _ in blocks:
        begin = len(order)
        order += [begin + c for c in columns]
    return Reflection(
        selector=len(order) - 1,
        observation_order=tuple(order),
        observation_sign=tuple(s for _, signs in blocks for s in signs),
        action_order=SWAPPED,
        action_sign=MIRROR_SIGN,
    )
