"""A robot in MuJoCo: the physics of one control period run inside `write`.

So the same calls drive it in wall-clock time and in lockstep, and the physics stand still between
periods: a robot that is INACTIVE stays where it is.
"""

# MuJoCo's extension modules come without type stubs.
# pyright: reportAttributeAccessIssue=false
import mujoco
import numpy as np

from hal.backends import RobotSetup
from hal.clock import Clock
from hal.errors import RobotWriteError
from hal.robot import ResetProgress, Robot
from hal.robots.registry import robot_spec
from hal.types import ResetTarget, RobotState, Vector
from sim.body import body_states, place_bodies
from sim.scene import Scene, build_scene


class MujocoRobot(Robot):
    """The simulated twin of a robot model.

    Args:
        spec_name: robot model, such as "dclaw".
        period_s: control period; a whole number of physics steps.
        clock: stamps the measurements.
        scene: compiled scene to share between robots; built at `configure` unless given.

    Raises:
        UnknownRobotError: no such model.
        ValueError: the period is not a positive whole number of physics steps (at `configure`).
    """

    def __init__(
        self, spec_name: str, period_s: float, clock: Clock, scene: Scene | None = None
    ) -> None:
        super().__init__(robot_spec(spec_name), "mujoco", f"mujoco-{mujoco.__version__}")
        self._period_s = period_s
        self._clock = clock
        self._shared_scene = scene
        self._built: tuple[Scene, mujoco.MjData] | None = None
        self._sequence = 0

    def _configure(self) -> None:
        # Without a handler MuJoCo appends each warning to a file in the working directory.
        mujoco.set_mju_user_warning(_leave_to_counters)
        scene = self._shared_scene or build_scene(self.spec)
        self._substeps = _whole_substeps(self._period_s, scene.model.opt.timestep)
        self._built = scene, mujoco.MjData(scene.model)
        self._sequence = 0
        joints = np.array(self.spec.home_position_rad)
        objects, bodies = len(self.spec.objects), len(self.spec.bodies)
        self._place(ResetTarget(joints, np.zeros(objects), np.zeros((bodies, 6))))

    def _read(self) -> RobotState:
        scene, data = self._simulation
        joints = len(scene.joint_qpos)
        self._sequence += 1
        body_pose, body_velocity = body_states(scene, data)
        return RobotState(
            stamp_ns=self._clock.now_ns(),
            sequence=self._sequence,
            joint_position_rad=data.qpos[scene.joint_qpos],
            joint_velocity_rad_s=data.qvel[scene.joint_dof],
            joint_current_ma=np.full(joints, np.nan),
            joint_temperature_c=np.full(joints, np.nan),
            object_position_rad=data.qpos[scene.object_qpos],
            object_velocity_rad_s=data.qvel[scene.object_dof],
            valid=np.ones(joints, dtype=np.bool_),
            body_pose=body_pose,
            body_velocity=body_velocity,
            body_valid=np.ones(len(body_pose), dtype=np.bool_),
            sensors={
                one.name: data.sensordata[columns].copy()
                for one, columns in zip(self.spec.sensors, scene.sensors, strict=True)
            },
        )

    def _activate(self) -> None:
        scene, data = self._simulation
        self._drive(np.where(self.spec.is_position, data.qpos[scene.joint_qpos], 0.0))

    def _write(self, target: Vector) -> Vector:
        self._drive(target)
        self._advance(self._substeps)
        return target.copy()

    def _deactivate(self) -> tuple[str, ...]:
        scene, data = self._simulation
        data.ctrl[scene.actuators[~self.spec.is_position]] = 0.0
        return ()

    def _drive(self, target: Vector) -> None:
        """Hand targets [J] to the actuators, in their own units."""
        scene, data = self._simulation
        data.ctrl[scene.actuators] = target / scene.effort_per_control

    def _reset(self, target: ResetTarget) -> ResetProgress:
        """Teleport, clipped to the ranges and at rest; then let it settle. Done at once."""
        self._place(target)
        scene, _ = self._simulation
        self._advance(round(target.settle_s / scene.model.opt.timestep))
        return ResetProgress.DONE

    def _close(self) -> None:
        self._built = None

    @property
    def _simulation(self) -> tuple[Scene, mujoco.MjData]:
        assert self._built is not None  # Robot calls the underscored methods after _configure only
        return self._built

    def _advance(self, substeps: int) -> None:
        scene, data = self._simulation
        if substeps:
            mujoco.mj_step(scene.model, data, substeps)
        if data.warning.number.any():
            raise RobotWriteError(_describe_warnings(data), reason="SIMULATION_INVALID")
        if self.spec.sensors:
            mujoco.mj_forward(scene.model, data)  # a step leaves the sensors as it began

    def _place(self, target: ResetTarget) -> None:
        scene, data = self._simulation
        joints = np.clip(
            target.joint_position_rad, self.spec.position_min_rad, self.spec.position_max_rad
        )
        mujoco.mj_resetData(scene.model, data)
        data.qpos[scene.joint_qpos] = joints
        data.qpos[scene.object_qpos] = np.clip(
            target.object_position_rad, scene.object_min_rad, scene.object_max_rad
        )
        place_bodies(scene, data, target.body_pose)
        self._drive(np.where(self.spec.is_position, joints, 0.0))
        mujoco.mj_forward(scene.model, data)


def build_robot(setup: RobotSetup) -> MujocoRobot:
    """The simulated twin of the robot of `setup`, not yet configured."""
    return MujocoRobot(setup.spec.model, setup.period_s, setup.clock)


def _leave_to_counters(message: str) -> None:
    """Warnings are counted in the simulation's data too, where `write` looks for them."""


def _describe_warnings(data: mujoco.MjData) -> str:
    """MuJoCo goes on after a warning: from the initial state after a divergence, for one."""
    raised = np.flatnonzero(data.warning.number)
    names = ", ".join(mujoco.mjtWarning(int(kind)).name for kind in raised)
    return f"the simulation is not valid any more until the next reset: MuJoCo raised {names}"


def _whole_substeps(period_s: float, timestep_s: float) -> int:
    substeps = round(period_s / timestep_s) if np.isfinite(period_s) else 0
    if substeps < 1 or abs(substeps * timestep_s - period_s) > 1e-9:
        raise ValueError(
            f"period_s is {period_s}, expected a positive multiple of the physics step "
            f"{timestep_s} s"
        )
    return substeps
