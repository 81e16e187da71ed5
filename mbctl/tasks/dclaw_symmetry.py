"""The six-fold symmetry of D'Claw with its three-handled valve.

Three rotations that hand each finger's part to the next, times a mirror image that negates the top
joints, swaps the first two fingers and turns the valve the other way. Both hold for the shipped
model to a few mrad a step; the base angles of the fingers differ by about a degree.
"""

from typing import Any

from hal.arrays import array_namespace

Array = Any

DCLAW_SYMMETRIES = 6
_CYCLES = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8),
    (3, 4, 5, 6, 7, 8, 0, 1, 2),
    (6, 7, 8, 0, 1, 2, 3, 4, 5),
)
SWAPPED = (3, 4, 5, 0, 1, 2, 6, 7, 8)
MIRROR_SIGN = (-1.0, 1.0, 1.0) * 3


def transform_dclaw(physical: Array, action: Array, symmetry: int) -> tuple[Array, Array]:
    """Images of `physical` [..., 20] and `action` [..., 9] under symmetry 0 (identity) to 5.

    A rotation moves the valve by 120 degrees, which its three handles make invisible: the angle
    is left as it is.
    """
    xp = array_namespace(physical)
    order = _CYCLES[symmetry % 3]
    if symmetry >= 3:
        order = tuple(SWAPPED[i] for i in order)
    columns = xp.asarray(order)
    positions, velocities = physical[..., :9][..., columns], physical[..., 9:18][..., columns]
    valve, turned = physical[..., 18:], action[..., columns]
    if symmetry >= 3:
        sign = xp.asarray(MIRROR_SIGN, dtype=physical.dtype)
        positions, velocities = positions * sign, velocities * sign
        valve, turned = -valve, turned * sign
    return xp.concat([positions, velocities, valve], axis=-1), turned
