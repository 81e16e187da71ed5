"""Angle arithmetic for NumPy arrays and torch tensors alike."""

import math
from typing import Any

from hal.arrays import array_namespace

Array = Any


def wrap_angle(angle: Array) -> Array:
    """The equivalent angle in [-pi, pi), elementwise, rad."""
    xp = array_namespace(angle)
    return angle - 2.0 * math.pi * xp.floor((angle + math.pi) / (2.0 * math.pi))
