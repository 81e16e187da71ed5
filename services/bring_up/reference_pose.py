"""The pose that a person puts a robot into so that its angles can be measured."""

import json
from math import isfinite, pi
from pathlib import Path

from hal.description import ReferencePose
from hal.errors import HalError
from hal.registry import meant
from hal.robots.registry import ROBOTS, servo_layout

ANGLE_MAX_RAD = pi


class ReferencePoseError(HalError):
    """A reference pose that is not one of this robot."""

    reason = "REFERENCE_POSE_INVALID"


def described_pose(robot: str) -> ReferencePose:
    """The pose of robot model `robot`'s description, with every joint's angle.

    Raises:
        UnknownRobotError: no such model, or one without servos on a bus.
    """
    _ = servo_layout(robot)
    return ROBOTS[robot].reference_pose


def load_pose(robot: str, path: Path) -> ReferencePose:
    """A pose of a jig of your own: JSON, joint name to angle in rad; the rest as described.

    Raises:
        ReferencePoseError: names the file and what is wrong in it.
    """
    described = described_pose(robot).position_rad
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise OSError("it is no file")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReferencePoseError(f"reference pose {path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ReferencePoseError(f"reference pose {path}: expected joint names and angles in rad")
    for name, angle in content.items():
        _check(name, angle, tuple(described), path)
    pose = {**described, **{name: float(angle) for name, angle in content.items()}}
    return ReferencePose(f"Bring the robot into the pose of {path}.", pose)


def _check(name: str, angle: object, joints: tuple[str, ...], path: Path) -> None:
    if name not in joints:
        raise ReferencePoseError(f"reference pose {path}: no joint {name!r}; {meant(name, joints)}")
    if not _is_angle(angle):
        raise ReferencePoseError(
            f"reference pose {path}: {name} = {angle!r}, expected rad from -pi to pi"
        )


def _is_angle(angle: object) -> bool:
    if not isinstance(angle, int | float) or isinstance(angle, bool):
        return False
    return isfinite(angle) and abs(angle) <= ANGLE_MAX_RAD
