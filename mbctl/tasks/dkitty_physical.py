"""D'Kitty's physical part: the 36 columns that a dynamics model predicts, and what follows from
them.

Torso place 3 (m, from where an episode starts), pitch, roll, heading (rad); leg positions 12 (rad);
torso velocity to the right, forward and up (m/s) and angular velocity about the same axes (rad/s),
as seen along the heading; leg velocities 12 (rad/s).
"""

from typing import Any

import numpy as np

from hal.arrays import array_namespace
from hal.robots.dkitty import DKITTY
from hal.types import RobotState
from mbctl.tasks.angles import wrap_angle
from mbctl.tasks.dkitty_rotation import (
    angular_velocity,
    measured_angles,
    measured_rates,
    tilt_and_heading,
    turned,
)

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


def difference(after: Array, before: Array) -> Array:
    """after - before [..., 36] with the torso's angles taken the short way round."""
    xp = array_namespace(after)
    plain = after - before
    angles = wrap_angle(plain[..., PITCH : HEADING + 1])
    return xp.concat([plain[..., PLACE], angles, plain[..., HEADING + 1 :]], axis=-1)


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
