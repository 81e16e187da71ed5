"""What passes between a robot and the control loop: SI units, radians, frozen."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class JointSpec:
    """Limits of one actuated joint.

    Attributes:
        name: unique within the robot.
        position_min_rad, position_max_rad: commanded positions stay inside.
        velocity_max_rad_s: a command may lead the measured position by this times the period.
        acceleration_max_rad_s2: bound on the change of the implied command velocity per second.
        current_max_ma: protective stop above this; infinity where current is not measured.
        temperature_max_c: protective stop above this; infinity where it is not measured.
    """

    name: str
    position_min_rad: float
    position_max_rad: float
    velocity_max_rad_s: float
    acceleration_max_rad_s2: float = float("inf")
    current_max_ma: float = float("inf")
    temperature_max_c: float = float("inf")


@dataclass(frozen=True)
class RobotSpec:
    """What a robot model is: joints in command order, passive objects that it senses.

    Attributes:
        model: name of the robot model, such as "dclaw".
        joints: the J actuated joints.
        objects: names of the K sensed, unactuated hinges (D'Claw's valve).
        home_position_rad: [J] pose a task starts from unless it says otherwise.
        bodies: names of the B bodies whose pose a tracker tells (D'Kitty's torso).
    """

    model: str
    joints: tuple[JointSpec, ...]
    objects: tuple[str, ...]
    home_position_rad: tuple[float, ...]
    bodies: tuple[str, ...] = ()

    @cached_property
    def position_min_rad(self) -> Vector:
        return np.array([j.position_min_rad for j in self.joints])

    @cached_property
    def position_max_rad(self) -> Vector:
        return np.array([j.position_max_rad for j in self.joints])

    @cached_property
    def velocity_max_rad_s(self) -> Vector:
        return np.array([j.velocity_max_rad_s for j in self.joints])

    @cached_property
    def acceleration_max_rad_s2(self) -> Vector:
        return np.array([j.acceleration_max_rad_s2 for j in self.joints])

    @property
    def joint_names(self) -> tuple[str, ...]:
        return tuple(j.name for j in self.joints)


def _no_bodies() -> Vector:
    return np.zeros((0, 6))


def _no_flags() -> NDArray[np.bool_]:
    return np.zeros(0, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class RobotState:
    """One measurement of the robot.

    Attributes:
        stamp_ns: monotonic time of the measurement on the robot's clock.
        sequence: counts reads since the robot was configured.
        joint_position_rad, joint_velocity_rad_s: [J].
        joint_current_ma, joint_temperature_c: [J]; NaN where not measured.
        object_position_rad, object_velocity_rad_s: [K]; positions unwrapped.
        valid: [J] bool; False for a joint whose read failed or is stale.
        body_pose: [B, 6] x, y, z (m) and rotations about the body's own x, then y, then z axis
            (rad), in the world frame that the last reset set.
        body_velocity: [B, 6] time derivatives of `body_pose`.
        body_valid: [B] bool; False while the tracker has lost the body.
        object_valid: [K] bool, as `valid`; empty where objects are measured along with the joints.
    """

    stamp_ns: int
    sequence: int
    joint_position_rad: Vector
    joint_velocity_rad_s: Vector
    joint_current_ma: Vector
    joint_temperature_c: Vector
    object_position_rad: Vector
    object_velocity_rad_s: Vector
    valid: NDArray[np.bool_]
    body_pose: Vector = field(default_factory=_no_bodies)
    body_velocity: Vector = field(default_factory=_no_bodies)
    body_valid: NDArray[np.bool_] = field(default_factory=_no_flags)
    object_valid: NDArray[np.bool_] = field(default_factory=_no_flags)

    @property
    def is_valid(self) -> bool:
        """Whether everything in it was measured just now."""
        return bool(self.valid.all() and self.object_valid.all() and self.body_valid.all())


@dataclass(frozen=True, slots=True)
class JointCommand:
    """Position targets, [J] rad, for one control period."""

    position_rad: Vector


@dataclass(frozen=True, slots=True)
class ResetTarget:
    """The state in which an episode starts.

    Attributes:
        joint_position_rad: [J].
        object_position_rad: [K].
        body_pose: [B, 6] as in RobotState.
        settle_s: a simulated robot, which is put into the pose in mid-air, then holds it for so
            long before the reset is done. A real one stands already.
    """

    joint_position_rad: Vector
    object_position_rad: Vector
    body_pose: Vector = field(default_factory=_no_bodies)
    settle_s: float = 0.0
