"""Everything that is to be known of a robot model, as data: what one file of `hal/robots` holds.

Plain data, so that whoever needs none of it (a robot without a bus, a bus without MuJoCo) pays for
none of it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import pi

import numpy as np

from hal.errors import HalError, UnknownRobotError
from hal.registry import NAME_PATTERN, NAME_RULE
from hal.reset import ResetSequence, WaypointReset
from hal.types import ResetTarget, RobotSpec

XM430_W350 = 1020
SERVO_ID_MAX = 252
MODEL_LENGTH_MAX = 63  # `mbctl up` calls the robot by its model and a digit
Pose = tuple[float, float, float, float, float, float]


class DescriptionError(HalError):
    """A description whose parts do not fit together."""

    reason = "DESCRIPTION_INVALID"


@dataclass(frozen=True, slots=True)
class ServoJoint:
    """One servo on a bus, and how its angle becomes the joint's.

    The joint's angle is `scale * servo angle + offset_rad`. A Dynamixel servo in position mode
    counts 0 to 4095 ticks for one turn from its own zero.

    Attributes:
        name: of the joint, object or guide that it moves or senses.
        servo_id: 0 to 252.
        scale: +1 or -1.
        offset_rad: joint angle at servo angle zero.
        travel_min_rad, travel_max_rad: joint angles that may ever be commanded, resets included;
            at least the range of the robot's specification.
    """

    name: str
    servo_id: int
    scale: float
    offset_rad: float
    travel_min_rad: float
    travel_max_rad: float


@dataclass(frozen=True, slots=True)
class ServoLayout:
    """All servos of a robot model as it is built: what was measured on one is a calibration.

    Attributes:
        joints: actuated joints, in the order of the robot's specification.
        objects: servos that sense an object and may place it in a reset.
        guides: servos that only a person turns; a robot may lack them.
        model_number: that the servos tell of themselves.
        model_numbers: of those that differ from it, by name.
        calibration: version that rows name where no calibration was measured.
    """

    joints: tuple[ServoJoint, ...]
    objects: tuple[ServoJoint, ...] = ()
    guides: tuple[ServoJoint, ...] = ()
    model_number: int = XM430_W350
    model_numbers: Mapping[str, int] = field(default_factory=dict[str, int])
    calibration: str = "as-built"

    @property
    def servos(self) -> tuple[ServoJoint, ...]:
        """All of them: joints, objects, guides."""
        return (*self.joints, *self.objects, *self.guides)

    @property
    def ids(self) -> frozenset[int]:
        """Of all its servos."""
        return frozenset(servo.servo_id for servo in self.servos)

    @property
    def required_ids(self) -> frozenset[int]:
        """Of those that a robot cannot lack."""
        return frozenset(servo.servo_id for servo in (*self.joints, *self.objects))

    def model_of(self, servo_id: int) -> int:
        """Model number of the servo with this id."""
        names = {servo.servo_id: servo.name for servo in self.servos}
        return self.model_numbers.get(names.get(servo_id, ""), self.model_number)


@dataclass(frozen=True, slots=True)
class SceneSource:
    """Where the simulated scene of a robot comes from.

    Its joints bear the names of the specification's joints; an actuator bears the name of its joint
    or is the only one that drives it.

    Attributes:
        path: top-level MJCF file: below the folder of `package`, or without one in the file system.
        package: installed package that holds it, never imported.
        omit: included files to leave out.
        object_joints: model joint of each of the spec's objects.
        object_range_rad: a reset clips object positions to this.
        free_bodies: model body of each of the spec's bodies; a free joint takes the place of its
            joints.
    """

    path: str
    package: str = ""
    omit: tuple[str, ...] = ()
    object_joints: Mapping[str, str] = field(default_factory=dict[str, str])
    object_range_rad: tuple[float, float] = (-pi, pi)
    free_bodies: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class InitialPose:
    """How a robot without torque is found, where somebody else has put it.

    Attributes:
        body_pose: [B] of each body, as in `RobotState`; () leaves the bodies where the scene has
            them.
        is_held: somebody holds the bodies in the air until all torques are on.
    """

    body_pose: tuple[Pose, ...] = ()
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class ReferencePose:
    """Where every joint stands while its angle is measured.

    Attributes:
        instruction: what a person does to reach it.
        position_rad: joint name to angle; joints left out are at 0.
    """

    instruction: str
    position_rad: Mapping[str, float] = field(default_factory=dict[str, float])


def _home() -> Mapping[str, InitialPose]:
    return {"home": InitialPose()}


@dataclass(frozen=True)
class RobotDescription:
    """One robot model.

    Attributes:
        spec: joints with their limits, objects, bodies that a tracker follows, sensors.
        scene: None for a robot that is not simulated.
        servos: None for a robot without servos on a bus.
        reset: makes the reset of a robot of servos to where an episode starts; a simulated one is
            put there.
        reference: for `mbctl calibrate`.
        initial_poses: how a virtual robot may be found, by name; the first one unless asked for.

    Raises:
        DescriptionError: parts that do not fit together; the message names the robot and the part.
    """

    spec: RobotSpec
    scene: SceneSource | None = None
    servos: ServoLayout | None = None
    reset: Callable[[RobotSpec, ResetTarget], ResetSequence] = WaypointReset
    reference: ReferencePose = ReferencePose("Bring every joint to its zero.")
    initial_poses: Mapping[str, InitialPose] = field(default_factory=_home)

    def __post_init__(self) -> None:
        spec, scene = self.spec, self.scene
        if not re.fullmatch(NAME_PATTERN, spec.model) or len(spec.model) > MODEL_LENGTH_MAX:
            self._refuse(f"its name must be at most {MODEL_LENGTH_MAX} {NAME_RULE}")
        if len(spec.home_position_rad) != len(spec.joints):
            self._refuse(
                f"home_position_rad has {len(spec.home_position_rad)} angles, expected "
                f"{len(spec.joints)}"
            )
        if scene is not None:
            self._check_names("scene.object_joints", tuple(scene.object_joints), spec.objects)
            self._check_names("scene.free_bodies", tuple(scene.free_bodies), spec.bodies)
        if self.servos is not None:
            self._check_servos(self.servos)
            self._try_reset()
        if strange := sorted(set(self.reference.position_rad) - set(spec.joint_names)):
            self._refuse(f"reference.position_rad names {strange}, which are no joints of it")
        if not self.initial_poses:
            self._refuse("initial_poses is empty, expected at least one")
        for name, pose in self.initial_poses.items():
            if len(pose.body_pose) not in (0, len(spec.bodies)):
                self._refuse(
                    f"initial pose {name!r} has {len(pose.body_pose)} bodies, expected "
                    f"{len(spec.bodies)}"
                )

    @property
    def servo_layout(self) -> ServoLayout:
        """Its servos.

        Raises:
            UnknownRobotError: it has none on a bus.
        """
        if self.servos is None:
            raise UnknownRobotError(f"robot model {self.spec.model!r} has no servos on a bus")
        return self.servos

    @property
    def reference_pose(self) -> ReferencePose:
        """The pose to calibrate in, with every joint's angle."""
        zero = dict.fromkeys(self.spec.joint_names, 0.0)
        return ReferencePose(
            self.reference.instruction, {**zero, **dict(self.reference.position_rad)}
        )

    def _check_servos(self, servos: ServoLayout) -> None:
        spec = self.spec
        if not spec.takes_positions:
            self._refuse("its servos take positions, and some of its joints are driven otherwise")
        for group, names in (("joints", spec.joint_names), ("objects", spec.objects)):
            self._check_names(
                f"servos.{group}", tuple(servo.name for servo in getattr(servos, group)), names
            )
        ids = [servo.servo_id for servo in servos.servos]
        if doubled := sorted({i for i in ids if ids.count(i) > 1}):
            self._refuse(f"servo ids {doubled} are used more than once")
        if wrong := sorted(i for i in ids if not 0 <= i <= SERVO_ID_MAX):
            self._refuse(f"servo ids {wrong} are outside 0 to {SERVO_ID_MAX}")
        for joint, servo in zip(spec.joints, servos.joints, strict=True):
            low, high = joint.position_min_rad, joint.position_max_rad
            if not servo.travel_min_rad <= low < high <= servo.travel_max_rad:
                self._refuse(
                    f"the travel of servo {servo.name!r}, [{servo.travel_min_rad:.4g}, "
                    f"{servo.travel_max_rad:.4g}] rad, does not hold its joint's range "
                    f"[{low:.4g}, {high:.4g}] rad"
                )

    def _try_reset(self) -> None:
        """Make one and throw it away: a mistake in it shows now, not while the robot has torque."""
        spec = self.spec
        home, objects = np.array(spec.home_position_rad), np.zeros(len(spec.objects))
        try:
            self.reset(spec, ResetTarget(home, objects, np.zeros((len(spec.bodies), 6))))
        except (ValueError, TypeError, IndexError) as error:
            self._refuse(f"its reset cannot be made: {error}")

    def _check_names(self, what: str, found: tuple[str, ...], expected: tuple[str, ...]) -> None:
        if found != expected:
            self._refuse(f"{what} are {found}, expected {expected}")

    def _refuse(self, message: str) -> None:
        raise DescriptionError(f"robot model {self.spec.model!r}: {message}")
