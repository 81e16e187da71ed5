"""The physics of a D'Kitty that a scripted reset is tried on."""

# pyright: reportAttributeAccessIssue=false
import copy

import mujoco
import numpy as np

from hal.robots.dkitty import DKittyReset
from hal.types import RobotState, Vector
from sim.body import body_states
from sim.scene import Scene

PERIOD_NS = 100_000_000
STALL_NM, NO_LOAD_RAD_S = 4.1, 46 * 2 * np.pi / 60  # of the maker's data sheet
STIFFNESS_NM_RAD = STALL_NM * 800 / 128 * 4096 / (2 * np.pi) / 885


class Body:
    """The physics of one D'Kitty, with the stiffness, torque and speed of XM430-W350 on 12 V.

    Their duty cycle is proportional to the error until it ends: so their torque at a stop is that
    of a position actuator with a limit, and back-EMF takes off as much per speed as a damper.
    """

    def __init__(self, scene: Scene, friction: float = 1.0) -> None:
        self.scene = scene
        self.model = copy.deepcopy(scene.model)
        self.model.geom_friction[:, 0] = friction
        self.model.actuator_gainprm[:, 0] = STIFFNESS_NM_RAD
        self.model.actuator_biasprm[:, 1] = -STIFFNESS_NM_RAD
        self.model.actuator_forcelimited[:] = 1
        self.model.actuator_forcerange[:] = [-STALL_NM, STALL_NM]
        self.model.dof_damping[scene.joint_dof] = STALL_NM / NO_LOAD_RAD_S
        self.data = mujoco.MjData(scene.model)
        self.now_ns = 1_000_000_000
        self.sent: list[Vector] = []

    def drop(self, quaternion: list[float] | Vector, legs: Vector) -> None:
        """Let it fall with limp legs and come to rest."""
        self.data.qpos[self.scene.body_qpos[0]] = [0.0, 0.0, 0.45, *quaternion]
        self.data.qpos[self.scene.joint_qpos] = legs
        for _ in range(600):
            self.data.ctrl[self.scene.actuators] = self.data.qpos[self.scene.joint_qpos]
            mujoco.mj_step(self.model, self.data)

    def touches_itself(self, legs: Vector) -> bool:
        """Whether `legs`, high above the floor, are in each other's or the torso's way."""
        data = mujoco.MjData(self.model)
        data.qpos[self.scene.body_qpos[0]] = [0.0, 0.0, 5.0, 1.0, 0.0, 0.0, 0.0]
        data.qpos[self.scene.joint_qpos] = legs
        mujoco.mj_forward(self.model, data)
        return data.ncon > 0

    def read(self, **changes) -> RobotState:
        pose, velocity = body_states(self.scene, self.data)
        fields: dict = {
            "stamp_ns": self.now_ns,
            "sequence": 1,
            "joint_position_rad": self.data.qpos[self.scene.joint_qpos],
            "joint_velocity_rad_s": self.data.qvel[self.scene.joint_dof],
            "joint_current_ma": np.full(12, np.nan),
            "joint_temperature_c": np.full(12, np.nan),
            "object_position_rad": np.zeros(0),
            "object_velocity_rad_s": np.zeros(0),
            "valid": np.ones(12, dtype=np.bool_),
            "body_pose": pose,
            "body_velocity": velocity,
            "body_valid": np.ones(1, dtype=np.bool_),
        }
        return RobotState(**(fields | changes))

    def move(self, targets: Vector) -> None:
        self.data.ctrl[self.scene.actuators] = targets
        mujoco.mj_step(self.model, self.data, 40)
        self.now_ns += PERIOD_NS
        self.sent.append(targets)

    def run(self, reset: DKittyReset, seconds: float = 150.0) -> bool:
        """Whether the reset came to its end within `seconds`."""
        for _ in range(int(seconds * 10)):
            targets = reset.step(self.read(), self.now_ns)
            if targets is None:
                return True
            self.move(targets)
        return False

    @property
    def uprightness(self) -> float:
        return float(np.prod(np.cos(self.read().body_pose[0, 3:5])))
