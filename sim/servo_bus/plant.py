"""The robot on the servos' shafts, in MuJoCo: torques in, angles out, one physics step at a time.

The model's own position actuators are switched off: each servo turns its command into a torque, and
that torque acts on its joint. What of it falls with the speed acts as the joint's damping, which
MuJoCo integrates implicitly. A servo without a joint in the model, a guide, turns a small
flywheel of its own.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

# MuJoCo's extension modules come without type stubs.
# pyright: reportAttributeAccessIssue=false
import mujoco
import numpy as np

from hal.description import InitialPose, RobotDescription, ServoJoint, ServoLayout
from hal.types import Vector
from sim.body import body_states, place_bodies
from sim.scene import Scene, build_scene
from sim.servo.motor import MotorOutput

# A shaft that turns faster than this is moving.
STANDSTILL_RAD_S = 0.05
# Of the loose knob that the guide servo senses.
_FLYWHEEL_INERTIA_KGM2 = 1e-3
_FLYWHEEL_DAMPING_NMS = 0.02
# The object has no actuator in the model; its servo is one of the others.
_OBJECT_STIFFNESS_NM_RAD = 2.0
# A robot without torque comes to rest slowly; it is checked once a second.
_SETTLE_STEPS, _SETTLE_ROUNDS = 400, 30


class Drive(Protocol):
    """A servo as its shaft sees it; angles in its own frame."""

    def drive(
        self, position_rad: float, velocity_rad_s: float, step_s: float, now_ns: int
    ) -> MotorOutput:
        """Torque on the shaft for the next step, and how it falls with the speed."""
        ...

    def sense(self, position_rad: float, velocity_rad_s: float, now_ns: int) -> None:
        """Take the shaft's state after the step."""
        ...

    @property
    def is_torque_on(self) -> bool:
        """Whether it drives or can be turned by hand."""
        ...

    @property
    def is_following(self) -> bool:
        """Whether it drives to a goal."""
        ...


class DriveFactory(Protocol):
    """Makes the drive of one servo."""

    def __call__(self, joint: ServoJoint, stiffness_nm_rad: float) -> Drive:
        """`stiffness_nm_rad`: of the joint's position actuator in the model."""
        ...


@dataclass(slots=True)
class Shaft:
    """A servo's shaft and what hangs on it.

    Attributes:
        joint: its servo; tells how the servo's angle becomes the joint's.
        qpos, dof: addresses in the model; -1 for a flywheel.
        position_rad, velocity_rad_s: of the joint, after the last step.
        torque_nm: of the servo on the joint, at the beginning of the last step.
        damping_nm_s: by which that torque has fallen with the speed within the step.
        own_damping_nm_s: of the joint in the model. It stands for the servo's gears and, there, for
            its back-EMF: it acts where the servo's torque does not fall with the speed. The maker's
            no-load speed is measured with the gears.
        disturbance_nm: torque from outside until `disturbed_until_ns`.
        is_disturbed: whether that is now.
    """

    joint: ServoJoint
    drive: Drive
    qpos: int = -1
    dof: int = -1
    position_rad: float = 0.0
    velocity_rad_s: float = 0.0
    torque_nm: float = 0.0
    damping_nm_s: float = 0.0
    own_damping_nm_s: float = 0.0
    disturbance_nm: float = 0.0
    disturbed_until_ns: int = 0
    is_disturbed: bool = False


class Plant:
    """A robot model and its shafts.

    Args:
        robot: with servos and a scene.
        initial: where it is found.
        make_drive: the drive of each servo.

    Raises:
        AssetError: the model's files are missing or malformed.
    """

    def __init__(
        self, robot: RobotDescription, initial: InitialPose, make_drive: DriveFactory
    ) -> None:
        self.spec = robot.spec
        self.scene = build_scene(self.spec, robot.scene)
        self._model = copy.deepcopy(self.scene.model)
        self._model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_ACTUATION)
        # The benchmark puts an object back at each reset; on a robot it turns on from where it is.
        self._model.jnt_limited[self._model.dof_jntid[self.scene.object_dof]] = 0
        self._data = mujoco.MjData(self._model)
        self.step_s = float(self._model.opt.timestep)
        self.step_ns = round(self.step_s * 1e9)
        self.shafts = _shafts(robot.servo_layout, self.scene, make_drive)
        for shaft in self.shafts:
            if shaft.dof >= 0:
                shaft.own_damping_nm_s = float(self._model.dof_damping[shaft.dof])
        self._jointed = [shaft for shaft in self.shafts if shaft.dof >= 0]
        self._loose = [shaft for shaft in self.shafts if shaft.dof < 0]
        self._body_dofs = self.scene.body_dof.reshape(-1)
        self._held_pose: Vector | None = None
        self._place(initial)

    @property
    def data(self) -> mujoco.MjData:
        """The simulation's state, to look at."""
        return self._data

    @property
    def is_held(self) -> bool:
        """Whether the bodies are held in the air."""
        return self._held_pose is not None

    @property
    def is_moving(self) -> bool:
        """Whether any shaft or body moves."""
        for shaft in self.shafts:
            if abs(shaft.velocity_rad_s) > STANDSTILL_RAD_S:
                return True
        bodies = self._data.qvel[self._body_dofs].tolist() if self.spec.bodies else ()
        return any(abs(speed) > STANDSTILL_RAD_S for speed in bodies)

    @property
    def is_disturbed(self) -> bool:
        """Whether an external torque acts on a joint."""
        return any(shaft.is_disturbed for shaft in self.shafts)

    def body_pose(self) -> Vector:
        """[B, 6] pose of each body: x, y, z (m), rotations about its own x, y, z axis (rad)."""
        return body_states(self.scene, self._data)[0]

    def step(self, now_ns: int) -> None:
        """One physics step, up to `now_ns`."""
        applied, damping = self._data.qfrc_applied, self._model.dof_damping
        for shaft in self._jointed:
            applied[shaft.dof] = self._torque(shaft, now_ns)
            damping[shaft.dof] = shaft.damping_nm_s or shaft.own_damping_nm_s
        mujoco.mj_step(self._model, self._data)
        if self._held_pose is not None:
            self._hold(self._held_pose)
        qpos, qvel = self._data.qpos.tolist(), self._data.qvel.tolist()
        for shaft in self._jointed:
            _sense(shaft, qpos[shaft.qpos], qvel[shaft.dof], now_ns)
        for shaft in self._loose:
            self._turn_flywheel(shaft, now_ns)

    def sense(self, now_ns: int) -> None:
        """Let the servos measure a robot that stands still, without a step."""
        for shaft in self.shafts:
            _sense(shaft, shaft.position_rad, shaft.velocity_rad_s, now_ns)

    def set_joint(self, name: str, position_rad: float) -> None:
        """Turn a joint to an angle, by magic and to rest.

        Raises:
            KeyError: no joint, object or guide of that name.
        """
        shaft = self.shaft(name)
        shaft.position_rad, shaft.velocity_rad_s = position_rad, 0.0
        if shaft.dof >= 0:
            self._data.qpos[shaft.qpos] = position_rad
            self._data.qvel[shaft.dof] = 0.0

    def set_body_pose(self, pose: Sequence[float]) -> None:
        """Lift the bodies to a pose, at rest and let go.

        Raises:
            ValueError: not six numbers for each body.
        """
        count = len(self._body_dofs)
        if len(pose) != count:
            raise ValueError(f"{len(pose)} numbers of pose, this robot has {count}")
        self._held_pose = None
        place_bodies(self.scene, self._data, np.array(pose, dtype=np.float64).reshape(-1, 6))

    def disturb(self, name: str, torque_nm: float, until_ns: int) -> None:
        """Push a joint from outside.

        Raises:
            KeyError: no joint, object or guide of that name.
        """
        shaft = self.shaft(name)
        shaft.disturbance_nm, shaft.disturbed_until_ns = torque_nm, until_ns
        shaft.is_disturbed = True

    def shaft(self, name: str) -> Shaft:
        """The shaft of a joint, object or guide.

        Raises:
            KeyError: there is none of that name; the message names those there are.
        """
        for shaft in self.shafts:
            if shaft.joint.name == name:
                return shaft
        known = ", ".join(shaft.joint.name for shaft in self.shafts)
        raise KeyError(f"no joint {name!r}; there are: {known}")

    def _torque(self, shaft: Shaft, now_ns: int) -> float:
        """All torque on the shaft but what its damping takes, which is left to the integrator."""
        scale, offset = shaft.joint.scale, shaft.joint.offset_rad
        output = shaft.drive.drive(
            (shaft.position_rad - offset) / scale, shaft.velocity_rad_s / scale, self.step_s, now_ns
        )
        shaft.torque_nm, shaft.damping_nm_s = scale * output.torque_nm, output.damping_nm_s
        shaft.is_disturbed = now_ns < shaft.disturbed_until_ns
        fixed_nm = shaft.torque_nm + shaft.damping_nm_s * shaft.velocity_rad_s
        return fixed_nm + shaft.disturbance_nm * shaft.is_disturbed

    def _turn_flywheel(self, shaft: Shaft, now_ns: int) -> None:
        """An implicit step in the speed, as MuJoCo's."""
        rate = self.step_s / _FLYWHEEL_INERTIA_KGM2
        torque = self._torque(shaft, now_ns)
        damping = shaft.damping_nm_s or _FLYWHEEL_DAMPING_NMS
        velocity = (shaft.velocity_rad_s + rate * torque) / (1 + rate * damping)
        _sense(shaft, shaft.position_rad + self.step_s * velocity, velocity, now_ns)

    def _hold(self, pose: Vector) -> None:
        if all(shaft.drive.is_torque_on for shaft in self._jointed):
            self._held_pose = None
            return
        place_bodies(self.scene, self._data, pose)

    def _place(self, initial: InitialPose) -> None:
        """The initial pose, after gravity has had its way with a robot without torque."""
        data = self._data
        data.qpos[self.scene.joint_qpos] = self.spec.home_position_rad
        if initial.body_pose:
            place_bodies(self.scene, data, np.array(initial.body_pose))
        mujoco.mj_forward(self._model, data)
        if initial.is_held:
            self._held_pose = self.body_pose()
        else:
            self._settle()
        data.qvel[:] = 0.0
        for shaft in self._jointed:
            shaft.position_rad = float(data.qpos[shaft.qpos])

    def _settle(self) -> None:
        for _ in range(_SETTLE_ROUNDS):
            mujoco.mj_step(self._model, self._data, _SETTLE_STEPS)
            if np.abs(self._data.qvel).max() < STANDSTILL_RAD_S / 10:
                return


def _shafts(layout: ServoLayout, scene: Scene, make_drive: DriveFactory) -> list[Shaft]:
    stiffness = scene.model.actuator_gainprm[scene.actuators, 0]
    shafts = [
        Shaft(joint, make_drive(joint, float(kp)), int(qpos), int(dof))
        for joint, kp, qpos, dof in zip(
            layout.joints, stiffness, scene.joint_qpos, scene.joint_dof, strict=True
        )
    ]
    for joint, qpos, dof in zip(layout.objects, scene.object_qpos, scene.object_dof, strict=True):
        drive = make_drive(joint, _OBJECT_STIFFNESS_NM_RAD)
        shafts.append(Shaft(joint, drive, int(qpos), int(dof)))
    return shafts + [
        Shaft(joint, make_drive(joint, _OBJECT_STIFFNESS_NM_RAD)) for joint in layout.guides
    ]


def _sense(shaft: Shaft, position_rad: float, velocity_rad_s: float, now_ns: int) -> None:
    shaft.position_rad, shaft.velocity_rad_s = position_rad, velocity_rad_s
    scale, offset = shaft.joint.scale, shaft.joint.offset_rad
    shaft.drive.sense((position_rad - offset) / scale, velocity_rad_s / scale, now_ns)
