"""The poses of D'Kitty's reset, and how it turns over from its back.

The benchmark's own flip needs hips that turn 5 pi / 4 outwards. Its simulated robot stops at
3.42 rad, leans at 23 degrees from where it would tip, and falls back. The flip here stays inside
those stops: the legs of one side push off over the back until the torso leans on its other edge,
then weight is moved across that edge leg by leg. Each stage ends at rest, so speed decides nothing.
"""

from collections.abc import Iterator

import numpy as np

from hal.types import Vector

Leg = tuple[float, float, float]

_OUTWARDS = np.array([-1.0, 1.0, 1.0, -1.0])
_MIRRORED = [1, 0, 3, 2]
_SIDE, _OVER, _IN = np.pi / 2, 3.4, -0.27
_FOLD, _BEND = 2.1, 1.5


def _pose(front_right: Leg, front_left: Leg, back_left: Leg, back_right: Leg) -> Vector:
    """[4, 3]; one leg is hip (counted outwards), thigh, knee in rad."""
    return np.array([front_right, front_left, back_left, back_right])


def _folded(hip: float) -> Vector:
    """[4, 3] all legs folded, feet pointing away from the middle."""
    front, back = (hip, -_FOLD, _BEND), (hip, _FOLD, -_BEND)
    return _pose(front, front, back, back)


def _joints(pose: Vector) -> Vector:
    """[12] joint angles of a pose [4, 3], whose hips count outwards."""
    angles = pose.copy()
    angles[:, 0] *= _OUTWARDS
    return angles.ravel()


FLAT = _joints(_folded(_SIDE))
"""[12] belly or back on the floor, legs out sideways."""
TUCK = _joints(_folded(0.0))
"""[12] on folded legs."""
STAND = np.zeros(12)
"""[12] on straight legs."""

# Over the left edge. Legs turned in lie flat on the floor before the belly once the torso is on its
# edge: the room in which weight on the belly's side can rest.
_UP = (_OVER, 0.0, 0.0)
_IN_FRONT = (0.0, 0.0, 0.0)
_LAID = (_IN, 0.0, 0.0)
_LAID_FOLDED = (_IN, _FOLD, -_BEND)
_FLIP = (
    # On its back: the right legs push down behind the back until the torso stands on its left edge.
    _pose(_UP, _LAID, _LAID, _UP),
    # The weight of one leg, swung before the belly, tips it over the edge; the other leg holds.
    _pose(_UP, _LAID, _LAID, _IN_FRONT),
    # All weight before the belly; the left legs fold without leaving the floor.
    _pose(_IN_FRONT, _LAID_FOLDED, _LAID_FOLDED, _IN_FRONT),
    # The back left leg lifts the tail. The front left leg alone is too narrow a stand: it falls on
    # its belly.
    _pose(_IN_FRONT, _LAID_FOLDED, (_SIDE, _FOLD, -_BEND), _IN_FRONT),
)


def flip(is_over_left: bool) -> Iterator[Vector]:
    """The goals [12] that turn D'Kitty from its back over one of its edges onto its belly."""
    for pose in _FLIP:
        yield _joints(pose if is_over_left else pose[_MIRRORED])
