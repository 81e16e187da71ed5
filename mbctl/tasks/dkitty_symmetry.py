"""D'Kitty's eight-fold symmetry: four headings, times left and right.

On flat ground nothing depends on where the robot looks, and its mirror image moves as it does.
Quarter turns stand for all turns: they tell a model that world-frame motion turns with the heading.
"""

from collections.abc import Sequence
from typing import Any

from hal.arrays import array_namespace
from mbctl.tasks.angles import wrap_angle
from mbctl.tasks.dkitty_physical import HEADING
from mbctl.tasks.reflection import Reflection

Array = Any
Block = tuple[tuple[int, ...], tuple[float, ...]]  # column i of the image is sign[i] * order[i]

DKITTY_SYMMETRIES = 8
_QUARTERS = 4
_QUARTER_TURN_RAD = 1.5707963267948966
_COS, _SIN = (1.0, 0.0, -1.0, 0.0), (0.0, 1.0, 0.0, -1.0)

# Front right with front left, back left with back right; hips count outwards on either side.
LEGS_MIRRORED: Block = ((3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8), (-1.0, 1.0, 1.0) * 4)


def kept(*signs: float) -> Block:
    """Columns that stay in their places."""
    return tuple(range(len(signs))), signs


_PHYSICAL_MIRRORED = (
    kept(-1.0, 1.0, 1.0),  # place
    kept(1.0, -1.0, -1.0),  # pitch, roll, heading
    LEGS_MIRRORED,
    kept(-1.0, 1.0, 1.0),  # velocity
    kept(1.0, -1.0, -1.0),  # spin
    LEGS_MIRRORED,
)


def joined(blocks: Sequence[Block]) -> Block:
    """Several blocks of columns side by side as one."""
    order: list[int] = []
    for columns, _ in blocks:
        begin = len(order)
        order += [begin + column for column in columns]
    return tuple(order), tuple(sign for _, signs in blocks for sign in signs)


def mirror_of(blocks: Sequence[Block]) -> Reflection:
    """The mirror image of observations in these blocks, chosen by the sign of the last column."""
    order, sign = joined(blocks)
    return Reflection(
        selector=len(order) - 1,
        observation_order=order,
        observation_sign=sign,
        action_order=LEGS_MIRRORED[0],
        action_sign=LEGS_MIRRORED[1],
    )


def transform_dkitty(physical: Array, action: Array, symmetry: int) -> tuple[Array, Array]:
    """Images of `physical` [..., 36] and `action` [..., 12] under symmetry 0 (identity) to 7."""
    if symmetry >= _QUARTERS:
        physical = _image(physical, joined(_PHYSICAL_MIRRORED))
        action = _image(action, LEGS_MIRRORED)
    return _turned(physical, symmetry % _QUARTERS), action


def _turned(physical: Array, quarters: int) -> Array:
    xp = array_namespace(physical)
    cos, sin = _COS[quarters], _SIN[quarters]
    x, y = physical[..., 0:1], physical[..., 1:2]
    heading = wrap_angle(physical[..., HEADING : HEADING + 1] + quarters * _QUARTER_TURN_RAD)
    between, rest = physical[..., 2:HEADING], physical[..., HEADING + 1 :]
    return xp.concat([cos * x - sin * y, sin * x + cos * y, between, heading, rest], axis=-1)


def _image(values: Array, block: Block) -> Array:
    xp = array_namespace(values)
    order, sign = block
    return values[..., list(order)] * xp.asarray(sign, dtype=values.dtype)
