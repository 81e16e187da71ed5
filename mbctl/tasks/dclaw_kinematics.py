"""Where D'Claw's fingertips are, and where the valve's handles are as seen from them.

What moves the valve is a fingertip beside a handle. Told that in coordinates, a dynamics model
needs less data than from joint angles alone.
Geometry of ROBEL's model: three fingers of links 67.5, 68 and 76 mm on a ring above the valve.
"""

from functools import lru_cache
from typing import Any

from hal.arrays import array_namespace
from mbctl.tasks.limbs import limb_tips

Array = Any

_BASE = (
    (0.03, 0.03, -0.06),  # x, m
    (-0.052, 0.052, 0.0),  # y, m
    (0.86782, -0.85689, 0.00080),  # cos of 0.52, 2.6 and -1.57 rad
    (0.49688, 0.51550, -1.00000),  # sin
)
_BASE_HEIGHT_M = 0.335 - 0.003 - 0.01425
_LINKS_M = (0.0675, 0.068, 0.076)
HANDLES = 3


def fingertips(position: Array) -> tuple[Array, Array, Array]:
    """World x, y, z [3, N] m of the fingertips, valve axis at the origin, for [N, 9] rad."""
    out, aside, height = limb_tips(position, _LINKS_M)
    base_x, base_y, cos, sin = _base(array_namespace(position), position.dtype)
    x = base_x + cos * out - sin * aside
    y = -(base_y + sin * out + cos * aside)
    return x, y, _BASE_HEIGHT_M + height


def handle_features(valve: Array, *poses: Array) -> Array:
    """[..., 12 for each pose]: tip distances from the axis and heights (dm), cos and sin of three
    times the angle between tip and handle; poses are [..., 9] and `valve` [..., 1], rad.
    """
    xp = array_namespace(valve)
    count = len(poses)
    x, y, z = fingertips(xp.stack(poses).reshape(-1, 9))
    from_valve = xp.atan2(y, x).reshape(3, count, -1) - valve.reshape(-1)
    angle = HANDLES * from_valve.reshape(3, -1)
    distance = xp.sqrt(x * x + y * y)
    features = xp.concat([10 * distance, 10 * z, xp.cos(angle), xp.sin(angle)], axis=0)
    by_row = xp.permute_dims(features.reshape(12, count, -1), (2, 1, 0))
    return by_row.reshape(*valve.shape[:-1], 12 * count)


@lru_cache(maxsize=32)
def _base(namespace: Any, dtype: Any) -> tuple[Array, ...]:
    """x, y, cos and sin of the fingers' places, each [3, 1], made once per kind of array."""
    return tuple(namespace.asarray([[v] for v in row], dtype=dtype) for row in _BASE)
