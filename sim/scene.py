"""The simulated scene of each robot model: where its description lies and where its joints are."""

from collections.abc import Mapping
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
        body_joints: model joints of each of the spec's bodies: three slides along x, y, z, then
            three hinges about the body's own x, y, z axis.
    """

    path: str
    omit: tuple[str, ...] = ()
    object_joints: Mapping[str, str] = field(default_factory=dict)
    object_range_rad: tuple[float, float] = (-np.pi, np.pi)
    body_joints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


# The overlay is a green ghost that shows goals on screen: nine more joints that no robot has. It
# touches nothing, so the real joints move the same without it.
SCENES = {
    "dclaw": SceneSource(
        path="dclaw/assets/dclaw3xh_valve3_v0.xml",
        omit=("chain3xh_overlay.xml",),
        object_joints={"valve": "valve_OBJRx"},
    ),
    # The models of the benchmark's other tasks differ from this one in markers only.
    "dkitty": SceneSource(
        path="dkitty/assets/dkitty_stand-v0.xml",
        body_joints={"torso": ("Tx", "Ty", "Tz", "Rx", "Ry", "Rz")},
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
        body_qpos, body_dof: [B, 6] indices in the spec's body order.
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
    model = compile_model(source.path, source.omit, folder)
    objects = [source.object_joints[name] for name in spec.objects]
    bodies = [joint for name in spec.bodies for joint in source.body_joints[name]]
    _free_turning(model, bodies)
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
        body_qpos=_addresses(model, bodies, model.jnt_qposadr).reshape(-1, 6),
        body_dof=_addresses(model, bodies, model.jnt_dofadr).reshape(-1, 6),
    )


def compile_model(
    path: str, omit: tuple[str, ...] = (), folder: AssetFolder | None = None
) -> mujoco.MjModel:
    """Compile one MJCF file of `folder` in memory.

    Raises:
        AssetError: files missing, or a description MuJoCo refuses.
    """
    mjcf = read_mjcf(folder or robel_assets(), path, omit)
    try:
        return mujoco.MjModel.from_xml_string(mjcf.xml, mjcf.files)
    except ValueError as error:
        raise AssetError(
            f"MuJoCo {mujoco.__version__} refuses {path}: {error}", reason="ASSET_MALFORMED"
        ) from error


def _free_turning(model: mujoco.MjModel, joints: list[str]) -> None:
    """Take away the stops that the description gives the hinges which stand for a free body.

    At 3.14 rad either way they would let no torso turn past half a turn, which nothing on the robot
    prevents.
    """
    for name in joints:
        joint = _require(model, mujoco.mjtObj.mjOBJ_JOINT, name)
        if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE:
            model.jnt_limited[joint] = 0


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
