"""Are the servos set up so that commanding them is safe, and moves them? Read, never written."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from hal.dynamixel.angles import ServoAngles
from hal.dynamixel.bus import ServoBus
from hal.dynamixel.servo import Servo, names_of
from hal.dynamixel.servo_group import ServoGroup
from hal.dynamixel.servo_setup import misfits, settings_of
from hal.dynamixel.setting import Misfit, Severity
from hal.dynamixel.state_block import RETURN_LEVEL
from hal.errors import HalError
from hal.types import RobotSpec

_CURE = "put it right with `mbctl calibrate --configure`"
_SET_BY_DRIVER = ("RETURN_LEVEL", "PROFILE")


class ServoSetupError(HalError):
    """A servo is set up so that moving it is unsafe, or that it would not follow its goals.

    Reasons: SERVO_LIMITS_TOO_TIGHT and those of `servo_setup.SETTINGS`.
    """

    reason = "SERVO_SETUP"


def ensure_answers(bus: ServoBus, servos: Sequence[Servo]) -> None:
    """Let every servo answer reads and writes; it is a setting that a reboot takes away.

    Raises:
        RobotWriteError: RETURN_LEVEL.
        RobotReadError: SERVO_SILENT.
    """
    ServoGroup(bus, servos).write("status_return_level", RETURN_LEVEL, reason="RETURN_LEVEL")


def inspect(
    bus: ServoBus, servos: Sequence[Servo], spec: RobotSpec
) -> tuple[list[Servo], list[str]]:
    """Refuse unsafe settings; return the servos with their goal limits, and warnings.

    Raises:
        ServoSetupError: see there.
        RobotReadError: SERVO_SILENT.
    """
    found = _misfits(bus, servos)
    _refuse(found, Severity.UNSAFE)
    limited = _with_limits(ServoGroup(bus, servos))
    _refuse_limits(limited, spec)
    return limited, list(_warnings(found))


def inspect_for_torque(bus: ServoBus, servos: Sequence[Servo]) -> list[str]:
    """Refuse settings with which a servo would not follow its goals; return warnings.

    Raises:
        ServoSetupError: see there.
        RobotReadError: SERVO_SILENT.
    """
    found = _misfits(bus, servos)
    _refuse(found, Severity.WEAK)
    return list(_warnings(found))


def configure_return_delay(bus: ServoBus, servos: Sequence[Servo]) -> None:
    """Set Return Delay Time to 0 where torque is off; nothing is written where it is on.

    Raises:
        RobotWriteError: RETURN_DELAY.
        RobotReadError: SERVO_SILENT.
    """
    torque = ServoGroup(bus, servos).read("torque_enable")
    limp = [servo for servo in servos if not torque[servo.id]]
    if limp:
        ServoGroup(bus, limp).write("return_delay_time", 0, reason="RETURN_DELAY")


_Found = list[tuple[Servo, Misfit]]


def _misfits(bus: ServoBus, servos: Sequence[Servo]) -> _Found:
    """Of all servos; those of one model and firmware have the same registers: read at once."""
    kinds = dict.fromkeys((servo.table, servo.firmware) for servo in servos)
    found: dict[int, list[Misfit]] = {}
    for table, firmware in kinds:
        alike = [s for s in servos if (s.table, s.firmware) == (table, firmware)]
        names = [setting.register for setting in settings_of(table, firmware)]
        for servo_id, values in ServoGroup(bus, alike).read_all(names).items():
            found[servo_id] = list(misfits(table, firmware, values))
    return [(servo, misfit) for servo in servos for misfit in found[servo.id]]


def _refuse(found: _Found, severity: Severity) -> None:
    """All that are at least so bad, with the servos that have them; the first gives the reason."""
    bad = [(servo, misfit) for servo, misfit in found if misfit.severity >= severity]
    if bad:
        told = "; ".join(f"{names_of(having)}: {first.text}" for first, having in _alike(bad))
        raise ServoSetupError(f"{told}; {_CURE}", reason=bad[0][1].reason)


def _warnings(found: _Found) -> Iterator[str]:
    """Each kind of misfit once; the driver itself sets replies and profiles."""
    for first, having in _alike(found):
        if first.reason not in _SET_BY_DRIVER:
            yield f"{first.reason}: {names_of(having)}: {first.text}; {_CURE}"


def _alike(found: _Found) -> Iterator[tuple[Misfit, list[Servo]]]:
    """Misfits with the same text, with the servos that have them."""
    for text in dict.fromkeys(misfit.text for _, misfit in found):
        having = [servo for servo, misfit in found if misfit.text == text]
        yield next(misfit for _, misfit in found if misfit.text == text), having


def _with_limits(group: ServoGroup) -> list[Servo]:
    low, high = group.read("min_position_limit"), group.read("max_position_limit")
    angles = ServoAngles([servo.joint for servo in group.servos])
    return [
        replace(
            servo,
            goal_min_ticks=max(low[servo.id], int(angles.travel_min_ticks[index])),
            goal_max_ticks=min(high[servo.id], int(angles.travel_max_ticks[index])),
        )
        for index, servo in enumerate(group.servos)
    ]


def _refuse_limits(servos: list[Servo], spec: RobotSpec) -> None:
    """Every command that the host lets pass must be one that the servo takes."""
    joints = servos[: len(spec.joints)]
    angles = ServoAngles([servo.joint for servo in joints])
    ends = np.stack(
        [angles.to_ticks(spec.position_min_rad), angles.to_ticks(spec.position_max_rad)]
    )
    for servo, low, high in zip(joints, ends.min(axis=0), ends.max(axis=0), strict=True):
        if low < servo.goal_min_ticks or high > servo.goal_max_ticks:
            raise ServoSetupError(
                f"{servo} may be sent goals of {low} to {high} ticks, but its position limits and "
                f"calibrated travel leave [{servo.goal_min_ticks}, {servo.goal_max_ticks}]",
                reason="SERVO_LIMITS_TOO_TIGHT",
            )
