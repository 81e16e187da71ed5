"""What passes between a robot and the control loop: SI units, radians, frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from math import isfinite

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


class ActuatorKind(StrEnum):
    """What a number sent to an actuator means."""

    POSITION = "position"  # rad, where the joint shall go
    TORQUE = "torque"  # N m on a hinge
    FORCE = "force"  # N on a slide, whose positions and velocities count in m and m/s

    @property
    def unit(self) -> str:
        """Of its commands."""
        return {"position": "rad", "torque": "N m", "force": "N"}[self.value]


@dataclass(frozen=True, slots=True)
class JointSpec:
    """Limits of one actuated joint.

    Where a torque or force drives it, its range is [effort_min, effort_max], and no effort drives
    it on beyond the range of its positions or beyond its speed; infinity leaves these free.

    Attributes:
        name: unique within the robot.
        position_min_rad, position_max_rad: commanded positions stay inside.
        velocity_max_rad_s: a command may lead the measured position by this times the period.
        acceleration_max_rad_s2: bound on the change of the implied command velocity per second.
        current_max_ma: protective stop above this; infinity where current is not measured.
        temperature_max_c: protective stop above this; infinity where it is not measured.
        kind: what its actuator takes.
        effort_min, effort_max: N m or N, with 0 in between; both 0 for a position actuator.
        effort_rate_max: bound on the change of the effort per second, N m/s or N/s.

    Raises:
        ValueError: efforts that do not fit the kind, or a range without 0.
    """

    name: str
    position_min_rad: float
    position_max_rad: float
    velocity_max_rad_s: float
    acceleration_max_rad_s2: float = float("inf")
    current_max_ma: float = float("inf")
    temperature_max_c: float = float("inf")
    kind: ActuatorKind = ActuatorKind.POSITION
    effort_min: float = 0.0
    effort_max: float = 0.0
    effort_rate_max: float = float("inf")

    def __post_init__(self) -> None:
        low, high = self.effort_min, self.effort_max
        if self.kind is ActuatorKind.POSITION:
            if low or high:
                raise ValueError(
                    f"joint {self.name!r} is driven by position and has a range of efforts, "
                    f"[{low}, {high}]"
                )
        elif not (isfinite(low) and isfinite(high) and low <= 0.0 <= high and low < high):
            raise ValueError(
                f"joint {self.name!r} has the effort range [{low}, {high}] {self.kind.unit}, "
                "expected a finite one that holds 0"
            )
        if not self.effort_rate_max > 0.0:
            raise ValueError(
                f"joint {self.name!r} has effort_rate_max {self.effort_rate_max}, expected a "
                "positive number"
            )


@dataclass(frozen=True, slots=True)
class SensorSpec:
    """One sensor beside those of joints, objects and bodies.

    Attributes:
        name: unique within the robot; in a simulation, of the model's sensor.
        size: numbers that it gives.
        unit: of each, such as "m" or "N".
    """

    name: str
    size: int = 1
    unit: str = ""


@dataclass(frozen=True)
class RobotSpec:
    """What a robot model is: joints in command order, passive objects that it senses.

    Attributes:
        model: name of the robot model, such as "dclaw".
        joints: the J actuated joints.
        objects: names of the K sensed, unactuated hinges (D'Claw's valve).
        home_position_rad: [J] pose a task starts from unless it says otherwise.
        bodies: names of the B bodies whose pose a tracker tells (D'Kitty's torso).
        sensors: what it senses besides.
    """

    model: str
    joints: tuple[JointSpec, ...]
    objects: tuple[str, ...]
    home_position_rad: tuple[float, ...]
    bodies: tuple[str, ...] = ()
    sensors: tuple[SensorSpec, ...] = ()

    @cached_property
    def kinds(self) -> tuple[ActuatorKind, ...]:
        """[J] what each joint's actuator takes."""
        return tuple(j.kind for j in self.joints)

    @cached_property
    def is_position(self) -> NDArray[np.bool_]:
        """[J] whether the joint is driven by position."""
        return np.array([j.kind is ActuatorKind.POSITION for j in self.joints], dtype=np.bool_)

    @cached_property
    def takes_positions(self) -> bool:
        """Whether all joints are driven by position."""
        return bool(self.is_position.all())

    @cached_property
    def command_min(self) -> Vector:
        """[J] least target: of positions in rad, of efforts in N m or N."""
        efforts = np.array([j.effort_min for j in self.joints])
        return np.where(self.is_position, self.position_min_rad, efforts)

    @cached_property
    def command_max(self) -> Vector:
        """[J] greatest target."""
        efforts = np.array([j.effort_max for j in self.joints])
        return np.where(self.is_position, self.position_max_rad, efforts)

    def command(self, target: Vector) -> "JointCommand":
        """A command of this robot's kinds with these targets [J]."""
        return JointCommand(target, () if self.takes_positions else self.kinds)

    def resting_target(self, position_rad: Vector) -> Vector:
        """[J] targets that start no motion: positions as measured, cut to the range; no effort."""
        held = np.clip(position_rad, self.position_min_rad, self.position_max_rad)
        return held if self.takes_positions else np.where(self.is_position, held, 0.0)

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
        sensors: of each of the specification's sensors [size], by name; NaN where not measured.
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
    sensors: Mapping[str, Vector] = field(default_factory=dict[str, Vector])

    @property
    def is_valid(self) -> bool:
        """Whether everything in it was measured just now."""
        return bool(self.valid.all() and self.object_valid.all() and self.body_valid.all())


@dataclass(frozen=True, slots=True)
class JointCommand:
    """Targets for one control period.

    Attributes:
        target: [J] rad for a position, N m for a torque, N for a force.
        kinds: [J] which of these each is; () where all are positions.
    """

    target: Vector
    kinds: tuple[ActuatorKind, ...] = ()


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
