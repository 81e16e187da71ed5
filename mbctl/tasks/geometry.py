"""Angles, lengths, turns and tips of limbs, for NumPy arrays and torch tensors alike.

How a body in space is turned is told in two ways. A tracker gives rotations about the body's own
x, then y, then z axis (R = Rx Ry Rz): tilt first, heading last. Seen from a robot it is the other
way round: it has a heading, and tilts from there (R = Rz(heading) Rx(pitch) Ry(roll)). In the
second form no equation of motion on flat ground depends on the heading, so a model learns one robot
instead of one for each heading. Pitch lifts the head of a robot that looks along its y axis, roll
lowers its right side, heading counts to the left from the world's y axis.

Angles in rad, rates in rad/s, all [...] unless their shape is given.
"""

import math
from functools import lru_cache
from typing import Any

from hal.arrays import array_namespace

Array = Any
Three = tuple[Array, Array, Array]

# cos of the middle Euler angle from which on its rates are no longer told apart; the robot lies.
_SINGULAR = 1e-6
_LIMB_JOINTS = 3


def wrap_angle(angle: Array) -> Array:
    """The equivalent angle in [-pi, pi), elementwise, rad."""
    xp = array_namespace(angle)
    return angle - 2.0 * math.pi * xp.floor((angle + math.pi) / (2.0 * math.pi))


def length(vectors: Array) -> Array:
    """Euclidean length [...] of vectors [..., N].

    Its derivative at zero is zero: policies are improved through rewards, and a robot that stands
    where it began is at the zero of its distance, where a plain root's derivative is no number.
    """
    xp = array_namespace(vectors)
    square = xp.sum(vectors**2, axis=-1)
    nowhere = square == 0
    root = xp.sqrt(xp.where(nowhere, xp.ones_like(square), square))
    return xp.where(nowhere, xp.zeros_like(square), root)


def turned(x: Array, y: Array, angle: Array) -> tuple[Array, Array]:
    """The plane vector (x, y) turned to the left by `angle`."""
    xp = array_namespace(x)
    cos, sin = xp.cos(angle), xp.sin(angle)
    return cos * x - sin * y, sin * x + cos * y


def tilt_and_heading(x: Array, y: Array, z: Array) -> Three:
    """Pitch, roll and heading for rotations about the body's own x, y, z axis."""
    xp = array_namespace(x)
    cos_x, sin_x, cos_y, sin_y = xp.cos(x), xp.sin(x), xp.cos(y), xp.sin(y)
    cos_z, sin_z = xp.cos(z), xp.sin(z)
    pitch = _arcsin(sin_x * cos_z + cos_x * sin_y * sin_z)
    roll = xp.atan2(cos_x * sin_y * cos_z - sin_x * sin_z, cos_x * cos_y)
    heading = xp.atan2(cos_y * sin_z, cos_x * cos_z - sin_x * sin_y * sin_z)
    return pitch, roll, heading


def measured_angles(pitch: Array, roll: Array, heading: Array) -> Three:
    """The inverse of `tilt_and_heading`; the middle angle within [-pi/2, pi/2]."""
    xp = array_namespace(pitch)
    cos_p, sin_p, cos_r, sin_r = xp.cos(pitch), xp.sin(pitch), xp.cos(roll), xp.sin(roll)
    cos_h, sin_h = xp.cos(heading), xp.sin(heading)
    x = xp.atan2(-(sin_h * sin_r - cos_h * sin_p * cos_r), cos_p * cos_r)
    y = _arcsin(cos_h * sin_r + sin_h * sin_p * cos_r)
    z = xp.atan2(sin_h * cos_p, cos_h * cos_r - sin_h * sin_p * sin_r)
    return x, y, z


def angular_velocity(x: Array, y: Array, rate_x: Array, rate_y: Array, rate_z: Array) -> Three:
    """World-frame angular velocity for the rates of measured angles."""
    xp = array_namespace(x)
    cos_x, sin_x, cos_y = xp.cos(x), xp.sin(x), xp.cos(y)
    return (
        rate_x + xp.sin(y) * rate_z,
        cos_x * rate_y - sin_x * cos_y * rate_z,
        sin_x * rate_y + cos_x * cos_y * rate_z,
    )


def measured_rates(x: Array, y: Array, spin_x: Array, spin_y: Array, spin_z: Array) -> Three:
    """The inverse of `angular_velocity`; finite, though not meaningful, where y is +-pi/2."""
    xp = array_namespace(x)
    cos_x, sin_x, cos_y = xp.cos(x), xp.sin(x), xp.cos(y)
    safe = xp.where(xp.abs(cos_y) < _SINGULAR, xp.full_like(cos_y, _SINGULAR), cos_y)
    rate_z = (cos_x * spin_z - sin_x * spin_y) / safe
    return spin_x - xp.sin(y) * rate_z, cos_x * spin_y + sin_x * spin_z, rate_z


def _arcsin(sine: Array) -> Array:
    """Of values that rounding may have put beyond 1."""
    xp = array_namespace(sine)
    return xp.asin(xp.clip(sine, -1.0, 1.0))


def limb_tips(position: Array, links_m: tuple[float, float, float]) -> Three:
    """Of L limbs' tips in their own frames, each [L, N] m: how far the first joint swung them out,
    how far the others bent them aside, and their height, negative below the first joint.

    A limb has three joints: the first swings it about an axis in the plane of the robot's body, the
    others bend it about an axis across that. This runs for every imagined step, so limbs come first
    here: arithmetic on every third column takes several times as long as on whole rows.

    Args:
        position: [N, 3 L] rad, limb by limb.
        links_m: lengths from joint to joint, and to the tip.
    """
    xp = array_namespace(position)
    limbs = position.shape[-1] // _LIMB_JOINTS
    links = _links_from_joints(limbs, xp, position.dtype, position.device)
    angles = xp.matmul(links, position.T)
    cos, sin = xp.cos(angles), xp.sin(angles)
    upper, middle, lower = links_m
    along = upper + middle * cos[limbs : 2 * limbs] + lower * cos[2 * limbs :]
    aside = middle * sin[limbs : 2 * limbs] + lower * sin[2 * limbs :]
    return -along * sin[:limbs], aside, -along * cos[:limbs]


@lru_cache(maxsize=32)
def _links_from_joints(limbs: int, namespace: Any, dtype: Any, device: Any) -> Array:
    """[3 L, 3 L]: of all limbs the first angle, then the second, then the second plus the third."""
    rows = [
        [
            float(j // _LIMB_JOINTS == limb and j % _LIMB_JOINTS in joints)
            for j in range(_LIMB_JOINTS * limbs)
        ]
        for joints in ((0,), (1,), (1, 2))
        for limb in range(limbs)
    ]
    return namespace.asarray(rows, dtype=dtype, device=device)
