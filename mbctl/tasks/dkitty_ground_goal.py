"""What the tasks with a goal on the ground share: how the robot sees it."""

from typing import Any

from hal.arrays import array_namespace
from mbctl.tasks.dkitty_observation import DEFAULT_MIRRORED
from mbctl.tasks.dkitty_physical import HEADING, bearing, seen_from_torso
from mbctl.tasks.dkitty_rotation import turned
from mbctl.tasks.dkitty_symmetry import kept, mirror_of

Array = Any

GOAL_NAMES = ("goal_x_m", "goal_y_m")
SEEN_NAMES = ("goal_right_m", "goal_ahead_m", "goal_bearing_cos", "goal_bearing_sin")

# The image that a policy may act in wherever the goal lies to the right.
REFLECTION = mirror_of((*DEFAULT_MIRRORED, kept(-1.0, 1.0, 1.0, -1.0)))


def seen_columns(physical: Array, goal: Array) -> Array:
    """The default observation's last columns [..., 4] for a goal [..., 2] on the ground, m."""
    xp = array_namespace(physical)
    right, ahead = seen_from_torso(physical, goal[..., 0], goal[..., 1])
    angle = bearing(physical, goal)
    return xp.stack([right, ahead, xp.cos(angle), xp.sin(angle)], axis=-1)


def goal_seen(physical: Array, observation: Array) -> Array:
    """The goal [..., 2] that the last columns of a default observation tell of."""
    xp = array_namespace(physical)
    right, ahead = observation[..., -4], observation[..., -3]
    x, y = turned(right, ahead, physical[..., HEADING])
    return xp.stack([physical[..., 0] + x, physical[..., 1] + y], axis=-1)
