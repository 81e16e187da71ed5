"""Where D'Claw's fingertips are, and where the valve's handles are as seen from them.

What moves the valve is a fingertip beside a handle. Told that in coordinates, a dynamics model
needs less data than from joint angles alone.
Geometry of ROBEL's model: three fingers of links 67.5, 68 and 76 mm on a ring above the valve.
"""

from typing import Any

from hal.arrays import array_namespace

Array = Any

_BASE_X_M = (0.03, 0.03, -0.06)
_BASE_Y_M = (-0.052, 0.052, 0.0)
_BASE_COS = (0.86782, -0.85689, 0.00080)  # of 0.52, 2.6 and -1.57 rad
_BASE_SIN = (0.49688, 0.51550, -1.00000)
_BASE_HEIGHT_M = 0.335 - 0.003 - 0.01425
_LINKS_M = (0.0675, 0.068, 0.076)
HANDLES = 3


def fingertips(position: Array) -> tuple[Array, Array, Array]:
    """World x, y, z [..., 3] m of the fingertips, valve axis at the origin, for [..., 9] rad."""
    xp = array_namespace(position)
    top, middle, bottom = position[..., 0::3], position[..., 1::3], position[..., 2::3]
    upper, middle_link, lower = _LINKS_M
    along = upper + middle_link * xp.cos(middle) + lower * xp.cos(middle + bottom)
    side = middle_link * xp.sin(middle) + lower * xp.sin(middle + bottom)
    out = -along * xp.sin(top)
    constants = (_BASE_X_M, _BASE_Y_M, _BASE_COS, _BASE_SIN)
    base_x, base_y, cos, sin = (xp.asarray(c, dtype=position.dtype) for c in constants)
    x = base_x + cos * out - sin * side
    y = -(base_y + sin * out + cos * side)
    return x, y, _BASE_HEIGHT_M - along * xp.cos(top)


def handle_features(position: Array, valve: Array) -> Array:
    """[..., 12]: tip distances from the axis and heights (dm), cos and sin of three times the angle
    between tip and handle; `position` is [..., 9] and `valve` [..., 1], rad.
    """
    xp = array_namespace(position)
    x, y, z = fingertips(position)
    angle = HANDLES * (xp.atan2(y, x) - valve)
    distance = xp.sqrt(x * x + y * y)
    return xp.concat([10 * distance, 10 * z, xp.cos(angle), xp.sin(angle)], axis=-1)
