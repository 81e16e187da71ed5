"""The pose of a free body that a model carries on three slides and three hinges.

Hinges count on past a turn and have two settings for each orientation. A tracker knows neither, so
what is reported is the one with the middle angle in [-pi/2, pi/2] and the others in [-pi, pi).
"""

import numpy as np

from hal.types import Vector

_HALF_TURN = np.pi


def tracked(position: Vector, velocity: Vector) -> tuple[Vector, Vector]:
    """Pose and its time derivative, each [B, 6], as a tracker reports them; see hal.tracker.

    Args:
        position, velocity: [B, 6] of the joints: x, y, z (m), then about the body's own x, y, z.
    """
    pose, rate = position.copy(), velocity.copy()
    mirrored = np.cos(pose[:, 4]) < 0.0
    pose[mirrored, 3] += _HALF_TURN
    pose[mirrored, 4] = _HALF_TURN - pose[mirrored, 4]
    pose[mirrored, 5] += _HALF_TURN
    rate[mirrored, 4] *= -1.0
    turns = np.floor((pose[:, 3:] + _HALF_TURN) / (2 * _HALF_TURN))
    pose[:, 3:] -= 2 * _HALF_TURN * turns
    return pose, rate
