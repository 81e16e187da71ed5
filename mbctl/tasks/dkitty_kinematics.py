"""Where D'Kitty's feet are under its torso: what carries it is a foot on the ground.

Told the feet's heights above the ground, a dynamics model need not learn from joint angles which
feet touch it. Geometry of ROBEL's model: hips at the corners of a 180 by 244 mm rectangle, links of
96.5 and 94.5 mm, feet of 11 mm radius 101 mm below the knee.
"""

from functools import lru_cache
from typing import Any

from hal.arrays import array_namespace
from mbctl.tasks.dkitty_physical import PITCH, ROLL
from mbctl.tasks.limbs import limb_tips

Array = Any

HIP_X_M = (0.09, -0.09, -0.09, 0.09)  # front right, front left, back left, back right
HIP_Y_M = (0.122, 0.122, -0.122, -0.122)
LINKS_M = (0.0965, 0.0945, 0.101)
TORSO_HEIGHT_M = 0.3  # where place z is zero


def feet(legs: Array) -> tuple[Array, Array, Array]:
    """Positions x, y, z [4, N] m of the feet in the torso's own frame, for [N, 12] rad."""
    out, aside, height = limb_tips(legs, LINKS_M)
    hip_x, hip_y = _hips(array_namespace(legs), legs.dtype)
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
def _hips(namespace: Any, dtype: Any) -> tuple[Array, Array]:
    """x and y, each [4, 1], made once per kind of array."""
    x, y = (namespace.asarray([[v] for v in row], dtype=dtype) for row in (HIP_X_M, HIP_Y_M))
    return x, y
