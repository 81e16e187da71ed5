"""Where D'Claw's fingertips are, and where the valve's handles are as seen from them.

What moves the valve is a fingertip beside a handle. Told that in coordinates, a dynamics model
needs less data than from joint angles alone.
Geometry of ROBEL's model: three fingers of links 67.5, 68 and 76 mm on a ring above the valve.
"""

from functools import lru_cache
from typing import Any

from hal.arrays import array_namespace

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
    """World x, y, z [..., 3] m of the fingertips, valve axis at the origin, for [..., 9] rad."""
    xp = array_namespace(position)
    top, middle, bottom = position[..., 0::3], position[..., 1::3], position[..., 2::3]
    angles = xp.concat([top, middle, middle + bottom], axis=-1)
    cos, sin = xp.cos(angles), xp.sin(angles)  # at once: it runs for every imagined step
    upper, middle_link, lower = _LINKS_M
    along = upper + middle_link * cos[..., 3:6] + lower * cos[..., 6:]
    side = middle_link * sin[..., 3:6] + lower * sin[..., 6:]
    out = -along * sin[..., :3]
    base_x, base_y, base_cos, base_sin = _base(xp, position.dtype)
    x = base_x + base_cos * out - base_sin * side
    y = -(base_y + base_sin * out + base_cos * side)
    return x, y, _BASE_HEIGHT_M - along * cos[..., :3]


def handle_features(position: Array, valve: Array) -> Array:
    """[..., 12]: tip distances from the axis and heights (dm), cos and sin of three times the angle
    between tip and handle; `position` is [..., 9] and `valve` [..., 1], rad.
    """
    xp = array_namespace(position)
    x, y, z = fingertips(position)
    angle = HANDLES * (xp.atan2(y, x) - valve)
    distance = xp.sqrt(x * x + y * y)
    return xp.concat([10 * distance, 10 * z, xp.cos(angle), xp.sin(angle)], axis=-1)


@lru_cache(maxsize=32)
def _base(namespace: Any, dtype: Any) -> tuple[Array, ...]:
    """x, y, cos and sin of the fingers' places, each [3], made once per kind of array."""
    return tuple(namespace.asarray(row, dtype=dtype) for row in _BASE)
