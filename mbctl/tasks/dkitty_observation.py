"""What all D'Kitty tasks observe alike: which columns there are and what they tell.

default: all as the robot sees it. The start to its right and ahead, its height, pitch, roll, cos
    and sin of its heading; leg positions; torso velocity and angular velocity along the heading;
    leg velocities; last action. Then the task's own columns.
paper, robel: ROBEL's own columns. Torso position and Euler angles, leg positions, their velocities,
    last action, uprightness. Then the task's own columns.
"""

from typing import Any

from hal.arrays import array_namespace
from hal.robots.dkitty import DKITTY
from mbctl.tasks.dkitty_physical import (
    HEADING,
    LEG_VELOCITIES,
    LEGS,
    POSITIONS,
    SPEEDS,
    SPINS,
    TILT,
    VELOCITIES,
    from_measured,
    to_measured,
    upright,
)
from mbctl.tasks.dkitty_rotation import turned
from mbctl.tasks.dkitty_symmetry import LEGS_MIRRORED, Block, kept

Array = Any

OBSERVATIONS = ("default", "paper", "robel")
_LAST_ACTION = tuple(f"{j}_last_action" for j in DKITTY.joint_names)
_DEFAULT = (
    *("place_right_m", "place_ahead_m", "torso_z_m"),
    *(*TILT, "heading_cos", "heading_sin"),
    *(*POSITIONS, *SPEEDS, *SPINS, *VELOCITIES, *_LAST_ACTION),
)
_BENCHMARK = (
    *("root_x_m", "root_y_m", "root_z_m"),
    *("root_euler_x_rad", "root_euler_y_rad", "root_euler_z_rad"),
    *POSITIONS,
    *("root_velocity_x_m_s", "root_velocity_y_m_s", "root_velocity_z_m_s"),
    *("root_rate_x_rad_s", "root_rate_y_rad_s", "root_rate_z_rad_s"),
    *VELOCITIES,
    *_LAST_ACTION,
    "upright",
)
DEFAULT_MIRRORED: tuple[Block, ...] = (
    kept(-1.0, 1.0, 1.0),  # place
    kept(1.0, -1.0, 1.0, -1.0),  # pitch, roll, heading
    LEGS_MIRRORED,
    kept(-1.0, 1.0, 1.0),  # velocity
    kept(1.0, -1.0, -1.0),  # spin
    LEGS_MIRRORED,
    LEGS_MIRRORED,  # last action
)
_LAST_ACTION_FROM = {"default": 37, "paper": 36, "robel": 36}


def shared_names(kind: str) -> tuple[str, ...]:
    """Columns that come before the task's own."""
    return _DEFAULT if kind == "default" else _BENCHMARK


def shared_columns(kind: str, physical: Array, last_action: Array) -> Array:
    """Their values [..., 49] for physical [..., 36] and last action [..., 12]."""
    xp = array_namespace(physical)
    if kind != "default":
        pose, velocity = to_measured(physical)
        parts = [pose, physical[..., LEGS], velocity, physical[..., LEG_VELOCITIES]]
        return xp.concat([*parts, last_action, upright(physical)[..., None]], axis=-1)
    heading = physical[..., HEADING]
    right, ahead = turned(physical[..., 0], physical[..., 1], -heading)
    place = xp.stack([right, ahead], axis=-1)
    looks = xp.stack([xp.cos(heading), xp.sin(heading)], axis=-1)
    rest = physical[..., HEADING + 1 :]
    return xp.concat([place, physical[..., 2:HEADING], looks, rest, last_action], axis=-1)


def physical_part(kind: str, observation: Array) -> Array:
    """Physical [..., 36] from an observation."""
    xp = array_namespace(observation)
    if kind != "default":
        pose, velocity = observation[..., 0:6], observation[..., 18:24]
        return from_measured(pose, velocity, observation[..., 6:18], observation[..., 24:36])
    heading = xp.atan2(observation[..., 6], observation[..., 5])
    x, y = turned(observation[..., 0], observation[..., 1], heading)
    place = xp.stack([x, y], axis=-1)
    return xp.concat(
        [place, observation[..., 2:5], heading[..., None], observation[..., 7:37]], axis=-1
    )


def last_action_part(kind: str, observation: Array) -> Array:
    """Last action [..., 12] from an observation."""
    begin = _LAST_ACTION_FROM[kind]
    return observation[..., begin : begin + 12]
