"""The same robot with other constants: what a learner meets when its robot has been changed."""

import copy
from dataclasses import dataclass, replace

# MuJoCo's extension modules come without type stubs.
# pyright: reportAttributeAccessIssue=false
import mujoco
import numpy as np

from sim.scene import Scene


@dataclass(frozen=True)
class Perturbation:
    """Factors on a scene's constants; 1 leaves them.

    Attributes:
        link_length: distance from a joint to the next one on the same limb. Shapes and masses stay,
            and so a limb's last link keeps its length.
        object_damping: of the objects' joints; one without damping gets UNIT_DAMPING times this.
        actuator_strength: of the joints' position actuators, stiffness and damping alike.
    """

    link_length: float = 1.0
    object_damping: float = 1.0
    actuator_strength: float = 1.0


UNIT_DAMPING = 1e-3  # N m s/rad


def perturbed(scene: Scene, perturbation: Perturbation) -> Scene:
    """A changed copy of `scene`."""
    model = copy.copy(scene.model)
    model.body_pos[_inner_links(scene)] *= perturbation.link_length
    if perturbation.object_damping != 1.0:
        damping = np.maximum(model.dof_damping[scene.object_dof], UNIT_DAMPING)
        model.dof_damping[scene.object_dof] = perturbation.object_damping * damping
    model.actuator_gainprm[scene.actuators] *= perturbation.actuator_strength
    model.actuator_biasprm[scene.actuators] *= perturbation.actuator_strength
    mujoco.mj_setConst(model, mujoco.MjData(model))
    return replace(scene, model=model)


def _inner_links(scene: Scene) -> list[int]:
    """Bodies of the joints whose limb has another joint before them."""
    model = scene.model
    bodies = [int(model.dof_bodyid[dof]) for dof in scene.joint_dof]
    return [body for body in bodies if int(model.body_parentid[body]) in bodies]
