"""The pose that a person puts a robot into so that its angles can be measured."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite, pi
from pathlib import Path

from hal.dynamixel.servo_layout import servo_layout
from hal.errors import HalError

ANGLE_MAX_RAD = pi


class ReferencePoseError(HalError):
    """A reference pose that is not one of this robot."""

    reason = "REFERENCE_POSE_INVALID"


@dataclass(frozen=True, slots=True)
class ReferencePose:
    """Where every joint stands while it is measured.

    Attributes:
        instruction: what a person does to reach it.
        position_rad: joint name to angle.
    """

    instruction: str
    position_rad: Mapping[str, float]


_INSTRUCTIONS = {
    "dclaw": (
        "Bring every finger into one straight line that points away from the palm, at right angles "
        "to it: all nine joints at 0. A straight edge along each finger gets it within a degree."
    ),
    "dkitty": (
        "Lay the torso on a stand so that the legs hang free, and bring every leg into one "
        "straight line at right angles to the torso: all twelve joints at 0. A straight edge along "
        "each leg gets it within a degree."
    ),
}


def zero_pose(robot: str) -> ReferencePose:
    """All joints of robot model `robot` at 0.

    Raises:
        UnknownRobotError: a model that is not made of Dynamixel servos.
    """
    joints = servo_layout(robot).joints
    return ReferencePose(_INSTRUCTIONS[robot], {joint.name: 0.0 for joint in joints})


def load_pose(robot: str, path: Path) -> ReferencePose:
    """A pose of a jig of your own: JSON, joint name to angle in rad; joints left out are at 0.

    Raises:
        ReferencePoseError: names the file and what is wrong in it.
    """
    zero = zero_pose(robot).position_rad
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise OSError("it is no file")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReferencePoseError(f"reference pose {path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ReferencePoseError(f"reference pose {path}: expected joint names and angles in rad")
    for name, angle in content.items():
        _check(name, angle, tuple(zero), path)
    pose = {**zero, **{name: float(angle) for name, angle in content.items()}}
    return ReferencePose(f"Bring the robot into the pose of {path}.", pose)


def _check(name: str, angle: object, joints: tuple[str, ...], path: Path) -> None:
    if name not in joints:
        near = get_close_matches(name, joints, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; joints are {', '.join(joints)}"
        raise ReferencePoseError(f"reference pose {path}: no joint {name!r}{hint}")
    if not _is_angle(angle):
        raise ReferencePoseError(
            f"reference pose {path}: {name} = {angle!r}, expected rad from -pi to pi"
        )


def _is_angle(angle: object) -> bool:
    if not isinstance(angle, int | float) or isinstance(angle, bool):
        return False
    return isfinite(angle) and abs(angle) <= ANGLE_MAX_RAD
