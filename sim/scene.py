"""The simulated scene of each robot model: where its description lies and where its joints are."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# MuJoCo's extension modules come without type stubs.
# pyright: reportAttributeAccessIssue=false
import mujoco
import numpy as np
from numpy.typing import NDArray

from hal.errors import AssetError
from hal.types import RobotSpec, Vector
from sim.assets import AssetFolder, robel_assets
from sim.mjcf import read_mjcf

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class SceneSource:
    """Where a scene comes from.

    Attributes:
        path: top-level MJCF file below the asset folder.
        omit: included files to leave out.
        object_joints: model joint of each of the spec's objects.
        object_range_rad: a reset clips object positions to this.
        free_bodies: model body of each of the spec's bodies; a free joint takes the place of its
            joints.
    """

    path: str
    omit: tuple[str, ...] = ()
    object_joints: Mapping[str, str] = field(default_factory=dict)
    object_range_rad: tuple[float, float] = (-np.pi, np.pi)
    free_bodies: Mapping[str, str] = field(default_factory=dict)


# The overlay is a green ghost that shows goals on screen: nine more joints that no robot has. It
# touches nothing, so the real joints move the same without it.
SCENES = {
    "dclaw": SceneSource(
        path="dclaw/assets/dclaw3xh_valve3_v0.xml",
        omit=("chain3xh_overlay.xml",),
        object_joints={"valve": "valve_OBJRx"},
    ),
    # The models of the benchmark's other tasks differ from this one in markers only. All of them
    # carry the torso on three slides and three hinges. Rolled onto its side, two of these turn
    # about the same axis, and the simulation diverges; and they let it turn by no more than half a
    # turn. A free joint moves alike wherever that is not so.
    "dkitty": SceneSource(
        path="dkitty/assets/dkitty_stand-v0.xml", free_bodies={"torso": "kitty_frame"}
    ),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A compiled model with the addresses of a robot's joints in it.

    Attributes:
        model: compiled; shared, never written after this.
        joint_qpos, joint_dof, actuators: [J] indices in the spec's joint order.
        object_qpos, object_dof: [K] indices in the spec's object order.
        object_min_rad, object_max_rad: [K] range for resets.
        body_qpos: [B, 7] position and quaternion (w, x, y, z), indices in the spec's body order.
        body_dof: [B, 6] velocity in the world, angular velocity in the body's own frame.
        body_rest_m: [B, 3] where a body with pose zero is.
    """

    model: mujoco.MjModel
    joint_qpos: Indices
    joint_dof: Indices
    actuators: Indices
    object_qpos: Indices
    object_dof: Indices
    object_min_rad: Vector
    object_max_rad: Vector
    body_qpos: Indices
    body_dof: Indices
    body_rest_m: Vector


def build_scene(spec: RobotSpec, folder: AssetFolder | None = None) -> Scene:
    """Compile the scene of `spec`.

    Args:
        spec: a robot model with an entry in SCENES.
        folder: its description; the installed robel distribution unless given.

    Raises:
        AssetError: no scene for this model, files missing, or a description MuJoCo refuses.
    """
    if spec.model not in SCENES:
        raise AssetError(
            f"no simulated scene for robot model {spec.model!r}; there is one for: "
            f"{', '.join(SCENES)}",
            reason="SCENE_UNKNOWN",
        )
    source = SCENES[spec.model]
    bodies = [source.free_bodies[name] for name in spec.bodies]
    model = compile_model(source.path, source.omit, folder, bodies)
    objects = [source.object_joints[name] for name in spec.objects]
    low, high = source.object_range_rad
    return Scene(
        model=model,
        joint_qpos=_addresses(model, spec.joint_names, model.jnt_qposadr),
        joint_dof=_addresses(model, spec.joint_names, model.jnt_dofadr),
        actuators=_actuators(model, spec.joint_names),
        object_qpos=_addresses(model, objects, model.jnt_qposadr),
        object_dof=_addresses(model, objects, model.jnt_dofadr),
        object_min_rad=np.full(len(objects), low),
        object_max_rad=np.full(len(objects), high),
        body_qpos=_addresses(model, bodies, model.jnt_qposadr)[:, None] + np.arange(7),
        body_dof=_addresses(model, bodies, model.jnt_dofadr)[:, None] + np.arange(6),
        body_rest_m=np.array([model.body(name).pos for name in bodies]).reshape(-1, 3),
    )


def compile_model(
    path: str,
    omit: tuple[str, ...] = (),
    folder: AssetFolder | None = None,
    free_bodies: Sequence[str] = (),
) -> mujoco.MjModel:
    """Compile one MJCF file of `folder` in memory.

    Args:
        path: below the folder.
        omit: included files to leave out.
        folder: the installed robel distribution unless given.
        free_bodies: model bodies whose joints a free joint of the body's name replaces.

    Raises:
        AssetError: files missing, or a description MuJoCo refuses.
    """
    mjcf = read_mjcf(folder or robel_assets(), path, omit)
    try:
        return mujoco.MjModel.from_xml_string(_set_free(mjcf.xml, free_bodies), mjcf.files)
    except ValueError as error:
        raise AssetError(
            f"MuJoCo {mujoco.__version__} refuses {path}: {error}", reason="ASSET_MALFORMED"
        ) from error


def _set_free(xml: str, bodies: Sequence[str]) -> str:
    """Give each of these model bodies a free joint of its own name instead of its joints."""
    root = ElementTree.fromstring(xml)
    for body in root.iter("body"):
        if (name := body.get("name")) in bodies:
            body[:] = [child for child in body if child.tag != "joint"]
            body.insert(0, ElementTree.Element("freejoint", {"name": str(name)}))
    return ElementTree.tostring(root, encoding="unicode")


def _addresses(
    model: mujoco.MjModel, joints: list[str] | tuple[str, ...], table: NDArray[np.int32]
) -> Indices:
    ids = [_require(model, mujoco.mjtObj.mjOBJ_JOINT, name) for name in joints]
    return np.array([table[i] for i in ids], dtype=np.intp)


def _actuators(model: mujoco.MjModel, joints: tuple[str, ...]) -> Indices:
    """The actuators carry the names of the joints that they drive."""
    ids = [_require(model, mujoco.mjtObj.mjOBJ_ACTUATOR, name) for name in joints]
    return np.array(ids, dtype=np.intp)


def _require(model: mujoco.MjModel, kind: mujoco.mjtObj, name: str) -> int:
    index = mujoco.mj_name2id(model, kind, name)
    if index < 0:
        raise AssetError(f"the model has no {kind.name} named {name!r}", reason="ASSET_MALFORMED")
    return index
