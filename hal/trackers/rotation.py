"""Rotations in three notations: trackers speak quaternions and matrices, tasks three angles.

A matrix [3, 3] maps body coordinates to the world's. Quaternions [4] are w, x, y, z. The angles [3]
are those of `hal.tracker.TrackedBodies`: about the body's own x, then y, then z axis, so that the
matrix is Rx(a) Ry(b) Rz(c); b is reported in [-pi/2, pi/2], a and c in [-pi, pi).
"""

import numpy as np

from hal.types import Vector

_POLE_COSINE = 1e-6  # closer to b = +-pi/2, a and c turn about the same axis


def matrix_from_angles(angles_rad: Vector) -> Vector:
    """Rx(a) Ry(b) Rz(c), [3, 3]."""
    (sa, sb, sc), (ca, cb, cc) = np.sin(angles_rad), np.cos(angles_rad)
    return np.array(
        [
            [cb * cc, -cb * sc, sb],
            [ca * sc + sa * sb * cc, ca * cc - sa * sb * sc, -sa * cb],
            [sa * sc - ca * sb * cc, sa * cc + ca * sb * sc, ca * cb],
        ]
    )


def angles_from_matrix(matrix: Vector) -> Vector:
    """The angles [3] of a rotation matrix [3, 3]; c is 0 where only a + c or a - c is defined."""
    cos_b = np.hypot(matrix[0, 0], matrix[0, 1])
    b = np.arctan2(matrix[0, 2], cos_b)
    if cos_b > _POLE_COSINE:
        a = np.arctan2(-matrix[1, 2], matrix[2, 2])
        c = np.arctan2(-matrix[0, 1], matrix[0, 0])
    else:
        a, c = np.arctan2(matrix[2, 1], matrix[1, 1]), 0.0
    return np.array([_below_half_turn(a), b, _below_half_turn(c)])


def matrix_from_quaternion(quaternion: Vector) -> Vector:
    """Rotation matrix [3, 3] of a quaternion [4] of any length but zero.

    Raises:
        ValueError: of length zero, or not finite.
    """
    length = float(np.linalg.norm(quaternion))
    if not 0.0 < length < np.inf:
        raise ValueError(f"quaternion {quaternion.tolist()} has length {length}, expected 1")
    w, x, y, z = quaternion / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_from_matrix(matrix: Vector) -> Vector:
    """The unit quaternion [4] with w >= 0 of a rotation matrix [3, 3].

    Of the four products of a component with all others, the longest row: none is near zero.
    """
    m = matrix
    xy, xz, yz = m[0, 1] + m[1, 0], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1]
    wx, wy, wz = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    products = np.array(
        [
            [1 + m[0, 0] + m[1, 1] + m[2, 2], wx, wy, wz],
            [wx, 1 + m[0, 0] - m[1, 1] - m[2, 2], xy, xz],
            [wy, xy, 1 - m[0, 0] + m[1, 1] - m[2, 2], yz],
            [wz, xz, yz, 1 - m[0, 0] - m[1, 1] + m[2, 2]],
        ]
    )
    row = products[np.argmax(np.diagonal(products))]
    unit = row / np.linalg.norm(row)
    return -unit if unit[0] < 0.0 else unit


def rotation_vector(matrix: Vector) -> Vector:
    """Axis times angle [3], the angle in [0, pi], of a rotation matrix [3, 3]."""
    quaternion = quaternion_from_matrix(matrix)
    sine = float(np.linalg.norm(quaternion[1:]))
    if sine < 1e-12:
        return 2.0 * quaternion[1:]
    return quaternion[1:] * (2.0 * np.arctan2(sine, quaternion[0]) / sine)


def yaw_matrix(yaw_rad: float) -> Vector:
    """Rotation [3, 3] about the world's z axis."""
    sine, cosine = np.sin(yaw_rad), np.cos(yaw_rad)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def spin_from_rates(angles_rad: Vector, rates_rad_s: Vector) -> Vector:
    """Angular velocity [3] in the world, of the time derivatives [3] of the angles."""
    return _rate_axes(angles_rad) @ rates_rad_s


def rates_from_spin(angles_rad: Vector, spin_rad_s: Vector) -> Vector:
    """Time derivatives [3] of the angles, of the angular velocity [3] in the world.

    They grow without bound towards b = +-pi/2; within a thousandth of it, they are those of the
    nearest orientation outside.
    """
    a, b, _ = angles_rad
    cos_b = max(np.cos(b), 1e-3)
    about_y = np.cos(a) * spin_rad_s[1] + np.sin(a) * spin_rad_s[2]
    across = np.cos(a) * spin_rad_s[2] - np.sin(a) * spin_rad_s[1]
    return np.array(
        [spin_rad_s[0] - np.sin(b) * across / cos_b, about_y, across / cos_b], dtype=np.float64
    )


def _rate_axes(angles_rad: Vector) -> Vector:
    """[3, 3] the axes, as columns, about which the three angles turn the body."""
    a, b, _ = angles_rad
    sa, ca, sb, cb = np.sin(a), np.cos(a), np.sin(b), np.cos(b)
    return np.array([[1.0, 0.0, sb], [0.0, ca, -sa * cb], [0.0, sa, ca * cb]])


def _below_half_turn(angle_rad: float) -> float:
    return -np.pi if angle_rad >= np.pi else angle_rad
