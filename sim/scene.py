"""The simulated scene of a robot model, compiled, and where the robot's parts are in it."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# MuJoCo's extension modules come without type stubs.
# pyright: reportAttributeAccessIssue=false
import mujoco
import numpy as np
from numpy.typing import NDArray

from hal.description import SceneSource
from hal.errors import AssetError
from hal.robots.registry import ROBOTS
from hal.types import ActuatorKind, JointSpec, RobotSpec, Vector
from sim.assets import AssetFolder, package_assets
from sim.mjcf import read_mjcf

Indices = NDArray[np.intp]

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Scene:
    """A compiled model with the addresses of a robot's joints in it.

    Attributes:
        model: compiled; shared, never written after this.
        joint_qpos, joint_dof, actuators: [J] indices in the spec's joint order.
        effort_per_control: [J] N m or N that an actuator exerts for a control of 1; 1 where it
            takes a position in rad.
        sensors: [S] columns of each of the spec's sensors in MuJoCo's sensor data.
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
    effort_per_control: Vector
    sensors: tuple[slice, ...]
    object_qpos: Indices
    object_dof: Indices
    object_min_rad: Vector
    object_max_rad: Vector
    body_qpos: Indices
    body_dof: Indices
    body_rest_m: Vector


def build_scene(spec: RobotSpec, source: SceneSource | None = None) -> Scene:
    """Compile the scene of `spec`.

    Args:
        source: where it comes from; the robot's description says so unless given.

    Raises:
        UnknownRobotError: no robot model of that name, and no source given.
        AssetError: a robot without a scene, files missing, a description MuJoCo refuses, or one
            that does not fit the specification.
    """
    source = source or _described(spec.model)
    bodies = [source.free_bodies[name] for name in spec.bodies]
    model = compile_model(source, free_bodies=bodies)
    objects = [source.object_joints[name] for name in spec.objects]
    actuators = [_actuator(model, name) for name in spec.joint_names]
    low, high = source.object_range_rad
    return Scene(
        model=model,
        joint_qpos=_addresses(model, spec.joint_names, model.jnt_qposadr),
        joint_dof=_addresses(model, spec.joint_names, model.jnt_dofadr),
        actuators=np.array(actuators, dtype=np.intp),
        effort_per_control=_effort_per_control(model, spec, actuators),
        sensors=tuple(_sensor_columns(model, one.name, one.size) for one in spec.sensors),
        object_qpos=_addresses(model, objects, model.jnt_qposadr),
        object_dof=_addresses(model, objects, model.jnt_dofadr),
        object_min_rad=np.full(len(objects), low),
        object_max_rad=np.full(len(objects), high),
        body_qpos=_addresses(model, bodies, model.jnt_qposadr)[:, None] + np.arange(7),
        body_dof=_addresses(model, bodies, model.jnt_dofadr)[:, None] + np.arange(6),
        body_rest_m=np.array([model.body(name).pos for name in bodies]).reshape(-1, 3),
    )


def _described(model: str) -> SceneSource:
    if (source := ROBOTS[model].scene) is None:
        simulated = [name for name in ROBOTS.names() if ROBOTS[name].scene is not None]
        raise AssetError(
            f"no simulated scene for robot model {model!r}; there is one for: "
            f"{', '.join(simulated)}",
            reason="SCENE_UNKNOWN",
        )
    return source


def compile_model(source: SceneSource, *, free_bodies: Sequence[str] = ()) -> mujoco.MjModel:
    """Compile the MJCF file of `source` in memory.

    Args:
        free_bodies: model bodies whose joints a free joint of the body's name replaces.

    Raises:
        AssetError: files missing, or a description MuJoCo refuses.
    """
    folder, path = _located(source)
    mjcf = read_mjcf(folder, path, source.omit)
    try:
        return mujoco.MjModel.from_xml_string(_set_free(mjcf.xml, free_bodies), mjcf.files)
    except ValueError as error:
        raise AssetError(
            f"MuJoCo {mujoco.__version__} refuses {path}: {error}", reason="ASSET_MALFORMED"
        ) from error


def _located(source: SceneSource) -> tuple[AssetFolder, str]:
    """The folder that holds the scene's files, and the path of the top one in it."""
    if source.package:
        return package_assets(source.package), source.path
    file = Path(source.path).absolute()
    return AssetFolder(file.parent), file.name


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


def _actuator(model: mujoco.MjModel, joint: str) -> int:
    """The actuator that bears the joint's name, else the only one that drives it."""
    if (named := mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_ACTUATOR, joint)) >= 0:
        return named
    index = _require(model, mujoco.mjtObj.mjOBJ_JOINT, joint)
    on_joints = model.actuator_trntype == mujoco.mjtTrn.mjTRN_JOINT
    driving = np.flatnonzero(on_joints & (model.actuator_trnid[:, 0] == index))
    if len(driving) != 1:
        raise AssetError(
            f"the model has {len(driving)} actuators on joint {joint!r}, expected one, or one "
            "called like it",
            reason="ASSET_MALFORMED",
        )
    return int(driving[0])


def _effort_per_control(model: mujoco.MjModel, spec: RobotSpec, actuators: list[int]) -> Vector:
    """[J] of motors gear times gain.

    Raises:
        AssetError: a joint that efforts drive has an actuator that is no motor, or a weaker one.
    """
    scale = np.ones(len(actuators))
    for index, (joint, actuator) in enumerate(zip(spec.joints, actuators, strict=True)):
        if joint.kind is not ActuatorKind.POSITION:
            scale[index] = _motor_scale(model, joint, actuator)
    return scale


def _motor_scale(model: mujoco.MjModel, joint: JointSpec, actuator: int) -> float:
    is_motor = (
        model.actuator_dyntype[actuator] == mujoco.mjtDyn.mjDYN_NONE
        and model.actuator_gaintype[actuator] == mujoco.mjtGain.mjGAIN_FIXED
        and model.actuator_biastype[actuator] == mujoco.mjtBias.mjBIAS_NONE
    )
    scale = float(model.actuator_gear[actuator, 0] * model.actuator_gainprm[actuator, 0])
    if not is_motor or scale == 0.0:
        raise AssetError(
            f"joint {joint.name!r} is driven by {joint.kind}, and its actuator in the model is no "
            "motor",
            reason="ASSET_MALFORMED",
        )
    if model.actuator_ctrllimited[actuator]:
        low, high = sorted((scale * model.actuator_ctrlrange[actuator]).tolist())
        if joint.effort_min < low - _ROUNDING or joint.effort_max > high + _ROUNDING:
            unit = joint.kind.unit
            raise AssetError(
                f"joint {joint.name!r} takes [{joint.effort_min:g}, {joint.effort_max:g}] {unit}, "
                f"and its motor in the model gives no more than [{low:g}, {high:g}] {unit}",
                reason="ASSET_MALFORMED",
            )
    return scale


def _sensor_columns(model: mujoco.MjModel, name: str, size: int) -> slice:
    index = _require(model, mujoco.mjtObj.mjOBJ_SENSOR, name)
    first, found = int(model.sensor_adr[index]), int(model.sensor_dim[index])
    if found != size:
        raise AssetError(
            f"sensor {name!r} of the model gives {found} numbers, expected {size}",
            reason="ASSET_MALFORMED",
        )
    return slice(first, first + size)


def _require(model: mujoco.MjModel, kind: mujoco.mjtObj, name: str) -> int:
    index = mujoco.mj_name2id(model, kind, name)
    if index < 0:
        raise AssetError(f"the model has no {kind.name} named {name!r}", reason="ASSET_MALFORMED")
    return index
