"""What one robot's joint angles are in ticks of its servos, kept in a file of its own.

The zero of a joint lives here and not in the servos: with a homing offset set, the servos' own bus
watchdog is known to go wrong.
"""

import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn, cast

from hal.description import SERVO_ID_MAX, ServoJoint
from hal.dynamixel.angles import ServoAngles, Ticks
from hal.dynamixel.units import TICKS_PER_TURN
from hal.errors import HalError
from hal.robots.registry import servo_layout
from hal.types import Vector

FORMAT = 1
_GROUPS = ("joints", "objects", "guides")


class CalibrationError(HalError):
    """A calibration that cannot be read or is not one of this robot."""

    reason = "CALIBRATION_INVALID"


@dataclass(frozen=True)
class Calibration:
    """Scale, offset, id and travel of every servo of one robot.

    Attributes:
        robot_model: such as "dclaw".
        joints: [J] in the order of the robot's specification.
        objects: [K] servos that sense an object.
        guides: servos that may be absent and are never driven.

    Raises:
        CalibrationError: names, ids or numbers that cannot be right.
    """

    robot_model: str
    joints: tuple[ServoJoint, ...]
    objects: tuple[ServoJoint, ...] = ()
    guides: tuple[ServoJoint, ...] = ()

    def __post_init__(self) -> None:
        layout = servo_layout(self.robot_model)
        for group in _GROUPS:
            found = [servo.name for servo in getattr(self, group)]
            expected = [servo.name for servo in getattr(layout, group)]
            if found != expected:
                _refuse(f"{group} of {self.robot_model} are {found}, expected {expected}")
        for servo in self.servos:
            _check_servo(servo)
        ids = [servo.servo_id for servo in self.servos]
        doubled = sorted({i for i in ids if ids.count(i) > 1})
        if doubled:
            _refuse(f"servo ids {doubled} are used more than once")

    @property
    def servos(self) -> tuple[ServoJoint, ...]:
        """All of them: joints, objects, guides."""
        return (*self.joints, *self.objects, *self.guides)

    @cached_property
    def version(self) -> str:
        """The layout's own name for its values, else a name made from the content."""
        if self == default_calibration(self.robot_model):
            return servo_layout(self.robot_model).calibration
        return f"cal-{sha256(_to_json(self).encode()).hexdigest()[:12]}"

    @cached_property
    def joint_angles(self) -> ServoAngles:
        """Conversions of the joints."""
        return ServoAngles(self.joints)

    def to_ticks(self, position_rad: Vector) -> Ticks:
        """Nearest ticks [J] for joint angles [J] in rad."""
        return self.joint_angles.to_ticks(position_rad)

    def to_rad(self, ticks: Ticks) -> Vector:
        """Joint angles [J] in rad for ticks [J]."""
        return self.joint_angles.to_rad(ticks)


def default_calibration(model: str) -> Calibration:
    """The values of robot model `model` as it is built.

    Raises:
        UnknownRobotError: no such model, or one without servos on a bus.
    """
    layout = servo_layout(model)
    return Calibration(model, layout.joints, layout.objects, layout.guides)


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write `path` whole or not at all.

    Raises:
        CalibrationError: CALIBRATION_NOT_WRITTEN.
    """
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_text(_to_json(calibration) + "\n")
        draft.replace(path)
    except OSError as error:
        raise CalibrationError(
            f"calibration {path} cannot be written: {error.strerror}",
            reason="CALIBRATION_NOT_WRITTEN",
        ) from error


def load_calibration(path: Path) -> Calibration:
    """Read `path`.

    Raises:
        CalibrationError: CALIBRATION_MISSING, or CALIBRATION_INVALID naming the file and what is
            wrong in it.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise OSError("it is no file")
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationError(
            f"calibration {path} cannot be read: {error}", reason="CALIBRATION_MISSING"
        ) from error
    try:
        return _from_json(json.loads(text, parse_constant=_no_constant))
    except (HalError, ValueError, OverflowError) as error:
        raise CalibrationError(f"calibration {path}: {error}") from error


def _to_json(calibration: Calibration) -> str:
    return json.dumps({"format": FORMAT, **asdict(calibration)}, indent=2, sort_keys=True)


def _from_json(parsed: object) -> Calibration:
    content = _object(parsed, {"format", "robot_model", *_GROUPS}, "the file")
    if isinstance(content["format"], bool) or content["format"] != FORMAT:
        _refuse(f"format is {content['format']!r}, expected {FORMAT}")
    if not isinstance(content["robot_model"], str):
        _refuse(f"robot_model is {content['robot_model']!r}, expected a name")
    return Calibration(
        content["robot_model"], *(_servos_from_json(content[group], group) for group in _GROUPS)
    )


def _servos_from_json(parsed: object, group: str) -> tuple[ServoJoint, ...]:
    if not isinstance(parsed, list):
        _refuse(f"{group} is {type(parsed).__name__}, expected a list")
    names = {field.name for field in fields(ServoJoint)}
    where = f"a servo of {group}"
    content = [_object(entry, names, where) for entry in cast(list[object], parsed)]
    for servo in content:
        for key, value in servo.items():
            kinds = {"name": str, "servo_id": int}.get(key, int | float)
            if not isinstance(value, kinds) or isinstance(value, bool):
                _refuse(f"{key} of {servo['name']!r} is {value!r}, expected a {kinds}")
    return tuple(
        ServoJoint(
            servo["name"],
            servo["servo_id"],
            *(float(servo[f.name]) for f in fields(ServoJoint)[2:]),
        )
        for servo in content
    )


def _object(parsed: object, expected: set[str], where: str) -> dict[str, Any]:
    """A JSON object with these keys."""
    if not isinstance(parsed, dict):
        _refuse(f"{where} is {type(parsed).__name__}, expected an object")
    content = cast(dict[str, Any], parsed)
    if set(content) != expected:
        unknown, missing = sorted(set(content) - expected), sorted(expected - set(content))
        _refuse(f"{where} has unknown keys {unknown} and lacks {missing}")
    return content


def _check_servo(servo: ServoJoint) -> None:
    where = f"servo {servo.name!r} (id {servo.servo_id})"
    if not 0 <= servo.servo_id <= SERVO_ID_MAX:
        _refuse(f"{where}: id is outside 0 to {SERVO_ID_MAX}")
    for field in fields(ServoJoint)[2:]:
        if not isfinite(getattr(servo, field.name)):
            _refuse(f"{where}: {field.name} is {getattr(servo, field.name)}, expected a number")
    if abs(servo.scale) != 1.0:
        _refuse(f"{where}: scale is {servo.scale}, expected 1 or -1")
    if servo.travel_min_rad >= servo.travel_max_rad:
        _refuse(f"{where}: travel [{servo.travel_min_rad}, {servo.travel_max_rad}] rad is empty")
    ends = ServoAngles((servo,))
    low, high = int(ends.travel_min_ticks[0]), int(ends.travel_max_ticks[0])
    # Objects and guides turn all the way round: their last tick is the first of the next turn.
    if low < 0 or high > TICKS_PER_TURN:
        _refuse(
            f"{where}: travel is ticks {low} to {high}, outside the single turn 0 to "
            f"{TICKS_PER_TURN - 1}"
        )


def _no_constant(name: str) -> NoReturn:
    _refuse(f"{name} is no number of JSON")


def _refuse(message: str) -> NoReturn:
    raise CalibrationError(message)
