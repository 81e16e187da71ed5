"""How D'Kitty's torso is turned: measured angles to pitch, roll and heading, and back.

A tracker gives rotations about the body's own x, then y, then z axis (R = Rx Ry Rz): tilt first,
heading last. Seen from the robot it is the other way round: it has a heading, and tilts from there
(R = Rz(heading) Rx(pitch) Ry(roll)). In the second form no equation of motion on flat ground
depends on the heading, so a model learns one robot instead of one for each heading.

Pitch lifts the head (the robot looks along y), roll lowers the right side, heading counts to the
left from the world's y axis. Angles in rad, rates in rad/s, all [...].
"""

from typing import Any

from hal.arrays import array_namespace

Array = Any
Three = tuple[Array, Array, Array]

# cos of the middle Euler angle from which on its rates are no longer told apart; the robot lies.
_SINGULAR = 1e-6


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


def turned(x: Array, y: Array, angle: Array) -> tuple[Array, Array]:
    """The plane vector (x, y) turned to the left by `angle`."""
    xp = array_namespace(x)
    cos, sin = xp.cos(angle), xp.sin(angle)
    return cos * x - sin * y, sin * x + cos * y


def _arcsin(sine: Array) -> Array:
    """Of values that rounding may have put beyond 1."""
    xp = array_namespace(sine)
    return xp.asin(xp.clip(sine, -1.0, 1.0))
