"""Free bodies of a simulation, as a tracker reports them and a task places them.

A pose is x, y, z (m) from where the description has the body, and rotations about the body's own x,
then y, then z axis (rad).
"""

# MuJoCo's extension modules come without type stubs.
# pyright: reportAttributeAccessIssue=false
import mujoco
import numpy as np

from hal.trackers.rotation import (
    angles_from_matrix,
    matrix_from_angles,
    matrix_from_quaternion,
    quaternion_from_matrix,
    rates_from_spin,
)
from hal.types import Vector
from sim.scene import Scene


def body_states(scene: Scene, data: mujoco.MjData) -> tuple[Vector, Vector]:
    """Poses of the scene's bodies and their time derivatives, each [B, 6]."""
    count = len(scene.body_qpos)
    pose, rate = np.empty((count, 6)), np.empty((count, 6))
    for body in range(count):
        position, velocity = data.qpos[scene.body_qpos[body]], data.qvel[scene.body_dof[body]]
        matrix = matrix_from_quaternion(position[3:])
        angles = angles_from_matrix(matrix)
        pose[body, :3] = position[:3] - scene.body_rest_m[body]
        pose[body, 3:] = angles
        rate[body, :3] = velocity[:3]
        rate[body, 3:] = rates_from_spin(angles, matrix @ velocity[3:])
    return pose, rate


def place_bodies(scene: Scene, data: mujoco.MjData, pose: Vector) -> None:
    """Put the scene's bodies at poses [B, 6], at rest."""
    for body in range(len(scene.body_qpos)):
        data.qpos[scene.body_qpos[body]] = [
            *(pose[body, :3] + scene.body_rest_m[body]),
            *quaternion_from_matrix(matrix_from_angles(pose[body, 3:])),
        ]
        data.qvel[scene.body_dof[body]] = 0.0
