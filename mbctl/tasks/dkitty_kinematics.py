"""Where D'Kitty's feet are under its torso: what carries it is a foot on the ground.

Told the feet's heights above the ground, a dynamics model need not learn from joint angles which
feet touch it. Geometry of ROBEL's model: hips at the corners of a 180 by 244 mm rectangle, links of
96.5 and 94.5 mm, feet of 11 mm radius 101 mm below the knee.
"""

from typing import Any

from hal.arrays import array_namespace
from mbctl.tasks.dkitty_physical import LEGS, PITCH, ROLL

Array = Any

HIP_X_M = (0.09, -0.09, -0.09, 0.09)  # front right, front left, back left, back right
HIP_Y_M = (0.122, 0.122, -0.122, -0.122)
LINKS_M = (0.0965, 0.0945, 0.101)
TORSO_HEIGHT_M = 0.3  # where place z is zero


def feet(legs: Array) -> tuple[Array, Array, Array]:
    """Positions x, y, z [..., 4] m of the feet in the torso's own frame, for [..., 12] rad."""
    xp = array_namespace(legs)
    hip, thigh, knee = legs[..., 0::3], legs[..., 1::3], legs[..., 2::3]
    upper, middle, lower = LINKS_M
    down = upper + middle * xp.cos(thigh) + lower * xp.cos(thigh + knee)
    back = middle * xp.sin(thigh) + lower * xp.sin(thigh + knee)
    hip_x = xp.asarray(HIP_X_M, dtype=legs.dtype)
    hip_y = xp.asarray(HIP_Y_M, dtype=legs.dtype)
    return hip_x - down * xp.sin(hip), hip_y - back, -down * xp.cos(hip)


def feet_features(physical: Array, legs: Array) -> Array:
    """[..., 12] dm: how far right and ahead of the torso each foot is, and how high above ground.

    Right and ahead are as seen along the heading. `legs` [..., 12] rad may be another pose than the
    physical part's own, such as the one commanded.
    """
    xp = array_namespace(physical)
    x, y, z = feet(legs)
    pitch, roll = physical[..., PITCH : PITCH + 1], physical[..., ROLL : ROLL + 1]
    rolled_x = xp.cos(roll) * x + xp.sin(roll) * z
    rolled_z = xp.cos(roll) * z - xp.sin(roll) * x
    ahead = xp.cos(pitch) * y - xp.sin(pitch) * rolled_z
    height = xp.sin(pitch) * y + xp.cos(pitch) * rolled_z
    above = height + physical[..., 2:3] + TORSO_HEIGHT_M
    return 10.0 * xp.concat([rolled_x, ahead, above], axis=-1)


def own_feet(physical: Array) -> Array:
    """`feet_features` of the pose that the physical part has."""
    return feet_features(physical, physical[..., LEGS])
