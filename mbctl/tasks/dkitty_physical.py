"""D'Kitty's physical part: the 36 columns that a dynamics model predicts, what follows from them,
and what leaves the motion as it is.

Torso place 3 (m, from where an episode starts), pitch, roll, heading (rad); leg positions 12 (rad);
torso velocity to the right, forward and up (m/s) and angular velocity about the same axes (rad/s),
as seen along the heading; leg velocities 12 (rad/s).

What carries the robot is a foot on the ground. Told the feet's heights above it, a dynamics model
need not learn from joint angles which feet touch it. Geometry of ROBEL's model: hips at the corners
of a 180 by 244 mm rectangle, links of 96.5 and 94.5 mm, feet of 11 mm radius 101 mm below the knee.

The symmetry is eight-fold: four headings, times left and right. On flat ground nothing depends on
where the robot looks, and its mirror image moves as it does. Quarter turns stand for all turns:
they tell a model that world-frame motion turns with the heading.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from hal.arrays import array_namespace
from hal.robots.dkitty import DKITTY
from hal.types import RobotState
from mbctl.tasks.geometry import (
    angular_velocity,
    limb_tips,
    measured_angles,
    measured_rates,
    tilt_and_heading,
    turned,
    wrap_angle,
)
from mbctl.tasks.reflection import Block, image, joined, kept

Array = Any

PLACE = slice(0, 3)
PITCH, ROLL, HEADING = 3, 4, 5
LEGS = slice(6, 18)
VELOCITY = slice(18, 21)
SPIN = slice(21, 24)
LEG_VELOCITIES = slice(24, 36)

POSITIONS = tuple(f"{j}_position_rad" for j in DKITTY.joint_names)
VELOCITIES = tuple(f"{j}_velocity_rad_s" for j in DKITTY.joint_names)
TILT = ("torso_pitch_rad", "torso_roll_rad")
SPEEDS = ("torso_right_m_s", "torso_forward_m_s", "torso_up_m_s")
SPINS = ("torso_pitch_rad_s", "torso_roll_rad_s", "torso_turn_rad_s")
PHYSICAL_NAMES = (
    *("torso_x_m", "torso_y_m", "torso_z_m"),
    *(*TILT, "torso_heading_rad"),
    *POSITIONS,
    *SPEEDS,
    *SPINS,
    *VELOCITIES,
)

HIP_X_M = (0.09, -0.09, -0.09, 0.09)  # front right, front left, back left, back right
HIP_Y_M = (0.122, 0.122, -0.122, -0.122)
LINKS_M = (0.0965, 0.0945, 0.101)
TORSO_HEIGHT_M = 0.3  # where place z is zero

# Front right with front left, back left with back right; hips count outwards on either side.
LEGS_MIRRORED: Block = ((3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8), (-1.0, 1.0, 1.0) * 4)
PLACE_MIRRORED = VELOCITY_MIRRORED = kept(-1.0, 1.0, 1.0)
SPIN_MIRRORED = kept(1.0, -1.0, -1.0)  # of pitch, roll and heading too
_MIRRORED = joined(
    PLACE_MIRRORED, SPIN_MIRRORED, LEGS_MIRRORED, VELOCITY_MIRRORED, SPIN_MIRRORED, LEGS_MIRRORED
)
_QUARTERS = 4
SYMMETRIES = 2 * _QUARTERS
_QUARTER_TURN_RAD = 1.5707963267948966
_COS, _SIN = (1.0, 0.0, -1.0, 0.0), (0.0, 1.0, 0.0, -1.0)


def physical_of(state: RobotState) -> np.ndarray:
    """The physical part [36] float64 of a measurement."""
    return from_measured(
        state.body_pose[0],
        state.body_velocity[0],
        state.joint_position_rad,
        state.joint_velocity_rad_s,
    )


def from_measured(pose: Array, velocity: Array, legs: Array, leg_velocities: Array) -> Array:
    """Physical [..., 36] from the torso's pose and its rates, each [..., 6] as in RobotState, and
    leg positions and velocities [..., 12].
    """
    xp = array_namespace(pose)
    x, y, z = pose[..., 3], pose[..., 4], pose[..., 5]
    tilt_and_turn = tilt_and_heading(x, y, z)
    heading = tilt_and_turn[2]
    right, forward = turned(velocity[..., 0], velocity[..., 1], -heading)
    spin_x, spin_y, spin_z = angular_velocity(
        x, y, velocity[..., 3], velocity[..., 4], velocity[..., 5]
    )
    spin_right, spin_forward = turned(spin_x, spin_y, -heading)
    seen = xp.stack([right, forward, velocity[..., 2], spin_right, spin_forward, spin_z], axis=-1)
    angles = xp.stack(list(tilt_and_turn), axis=-1)
    return xp.concat([pose[..., :3], angles, legs, seen, leg_velocities], axis=-1)


def to_measured(physical: Array) -> tuple[Array, Array]:
    """The torso's pose and its rates, each [..., 6] as in RobotState: inverse of the above."""
    xp = array_namespace(physical)
    heading = physical[..., HEADING]
    angles = measured_angles(physical[..., PITCH], physical[..., ROLL], heading)
    velocity, spin = physical[..., VELOCITY], physical[..., SPIN]
    speed_x, speed_y = turned(velocity[..., 0], velocity[..., 1], heading)
    spin_x, spin_y = turned(spin[..., 0], spin[..., 1], heading)
    rates = measured_rates(angles[0], angles[1], spin_x, spin_y, spin[..., 2])
    pose = xp.concat([physical[..., PLACE], xp.stack(list(angles), axis=-1)], axis=-1)
    return pose, xp.stack([speed_x, speed_y, velocity[..., 2], *rates], axis=-1)


def upright(physical: Array) -> Array:
    """Cosine [...] of the angle between the torso's up and the world's."""
    xp = array_namespace(physical)
    return xp.cos(physical[..., PITCH]) * xp.cos(physical[..., ROLL])


def seen_from_torso(physical: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """How far to the right and how far ahead of the torso the ground point (x, y) lies, m."""
    return turned(x - physical[..., 0], y - physical[..., 1], -physical[..., HEADING])


def bearing(physical: Array, goal: Array) -> Array:
    """Angle [...] rad by which the robot must turn left to look at the ground point [..., 2]."""
    xp = array_namespace(physical)
    right, ahead = seen_from_torso(physical, goal[..., 0], goal[..., 1])
    return xp.atan2(-right, ahead)


def feet(legs: Array) -> tuple[Array, Array, Array]:
    """Positions x, y, z [4, N] m of the feet in the torso's own frame, for [N, 12] rad."""
    out, aside, height = limb_tips(legs, LINKS_M)
    hip_x, hip_y = _hips(array_namespace(legs), legs.dtype, legs.device)
    return hip_x + out, hip_y - aside, height


def feet_features(physical: Array, *poses: Array) -> Array:
    """[..., 12 for each pose] dm: how far right and ahead of the torso each foot is, and how high
    above ground; right and ahead as seen along the heading. Poses are the legs' [..., 12] rad, the
    physical part's own or another, such as the one commanded.
    """
    xp = array_namespace(physical)
    tips = feet(xp.stack(poses).reshape(-1, 12))
    x, y, z = (column.reshape(4, len(poses), -1) for column in tips)
    tilt = physical[..., PITCH : ROLL + 1].reshape(-1, 2).T
    (cos_pitch, cos_roll), (sin_pitch, sin_roll) = xp.cos(tilt), xp.sin(tilt)
    rolled_x = cos_roll * x + sin_roll * z
    rolled_z = cos_roll * z - sin_roll * x
    ahead = cos_pitch * y - sin_pitch * rolled_z
    torso = physical[..., 2].reshape(-1) + TORSO_HEIGHT_M
    above = sin_pitch * y + cos_pitch * rolled_z + torso
    features = xp.permute_dims(xp.concat([rolled_x, ahead, above], axis=0), (2, 1, 0))
    return 10.0 * features.reshape(*physical.shape[:-1], 12 * len(poses))


@lru_cache(maxsize=32)
def _hips(namespace: Any, dtype: Any, device: Any) -> tuple[Array, Array]:
    """x and y, each [4, 1], made once per kind of array."""
    x, y = (
        namespace.asarray([[v] for v in row], dtype=dtype, device=device)
        for row in (HIP_X_M, HIP_Y_M)
    )
    return x, y


def symmetric(physical: Array, action: Array, symmetry: int) -> tuple[Array, Array]:
    """Images of `physical` [..., 36] and `action` [..., 12] under symmetry 0 (identity) to 7."""
    if symmetry >= _QUARTERS:
        physical, action = image(physical, _MIRRORED), image(action, LEGS_MIRRORED)
    return _quarter_turned(physical, symmetry % _QUARTERS), action


def _quarter_turned(physical: Array, quarters: int) -> Array:
    xp = array_namespace(physical)
    cos, sin = _COS[quarters], _SIN[quarters]
    x, y = physical[..., 0:1], physical[..., 1:2]
    heading = wrap_angle(physical[..., HEADING : HEADING + 1] + quarters * _QUARTER_TURN_RAD)
    between, rest = physical[..., 2:HEADING], physical[..., HEADING + 1 :]
    return xp.concat([cos * x - sin * y, sin * x + cos * y, between, heading, rest], axis=-1)
