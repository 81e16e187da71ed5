"""Where the tips of a robot's limbs are, for limbs of three joints as ROBEL's robots have them.

The first joint swings the whole limb about an axis in the plane of the robot's body; the other two
bend it about an axis across that. This runs for every imagined step, so limbs come first here:
arithmetic on every third column takes several times as long as on whole rows.
"""

from functools import lru_cache
from typing import Any

from hal.arrays import array_namespace

Array = Any

JOINTS = 3


def limb_tips(position: Array, links_m: tuple[float, float, float]) -> tuple[Array, Array, Array]:
    """Of L limbs' tips in their own frames, each [L, N] m: how far the first joint swung them out,
    how far the others bent them aside, and their height, negative below the first joint.

    Args:
        position: [N, 3 L] rad, limb by limb.
        links_m: lengths from joint to joint, and to the tip.
    """
    xp = array_namespace(position)
    limbs = position.shape[-1] // JOINTS
    angles = xp.matmul(_links_from_joints(limbs, xp, position.dtype), position.T)
    cos, sin = xp.cos(angles), xp.sin(angles)
    upper, middle, lower = links_m
    along = upper + middle * cos[limbs : 2 * limbs] + lower * cos[2 * limbs :]
    aside = middle * sin[limbs : 2 * limbs] + lower * sin[2 * limbs :]
    return -along * sin[:limbs], aside, -along * cos[:limbs]


@lru_cache(maxsize=32)
def _links_from_joints(limbs: int, namespace: Any, dtype: Any) -> Array:
    """[3 L, 3 L]: of all limbs the first angle, then the second, then the second plus the third."""
    rows = [
        [float(j // JOINTS == limb and j % JOINTS in joints) for j in range(JOINTS * limbs)]
        for joints in ((0,), (1,), (1, 2))
        for limb in range(limbs)
    ]
    return namespace.asarray(rows, dtype=dtype)
