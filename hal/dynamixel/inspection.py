"""Are the servos set up so that commanding them is safe? Read before anything is written."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hal.dynamixel.angles import ServoAngles
from hal.dynamixel.bus import ServoBus
from hal.dynamixel.servo import (
    DRIVE_MODE_FIRMWARE,
    STARTUP_CONFIGURATION_FIRMWARE,
    Servo,
    names_of,
)
from hal.dynamixel.servo_group import ServoGroup
from hal.dynamixel.state_block import RETURN_LEVEL
from hal.dynamixel.status import HardwareError
from hal.dynamixel.units import RETURN_DELAY_S
from hal.errors import HalError
from hal.types import RobotSpec

_POSITION_MODE = 3
_SECONDARY_ID_OFF = 253
_TORQUE_AT_STARTUP = 0x01
_NEEDED_SHUTDOWN = (
    HardwareError.OVERLOAD | HardwareError.ELECTRICAL_SHOCK | HardwareError.OVERHEATING
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a register must be; only firmware from `firmware` on has it."""

    register: str
    is_wrong: Callable[[int], bool]
    reason: str
    message: str
    firmware: int = 0


_RULES = (
    _Rule(
        "homing_offset",
        lambda value: value != 0,
        "HOMING_OFFSET_SET",
        "homing offset is {} ticks, must be 0: the bus watchdog goes wrong with it; put the offset "
        "into the calibration",
    ),
    _Rule(
        "operating_mode",
        lambda value: value != _POSITION_MODE,
        "OPERATING_MODE",
        f"operating mode is {{}}, must be {_POSITION_MODE} (position)",
    ),
    _Rule(
        "drive_mode",
        lambda value: value != 0,
        "DRIVE_MODE",
        "drive mode is {}, must be 0: direction belongs into the calibration, and torque must not "
        "come on with a goal",
        DRIVE_MODE_FIRMWARE,
    ),
    _Rule(
        "secondary_id",
        lambda value: value < _SECONDARY_ID_OFF,
        "SECONDARY_ID",
        "secondary id is {}, must be 255: packets for it would move this servo too",
    ),
    _Rule(
        "startup_configuration",
        lambda value: bool(value & _TORQUE_AT_STARTUP),
        "STARTUP_TORQUE",
        "startup configuration is {}, bit 0 must be 0: torque must not come on with the supply",
        STARTUP_CONFIGURATION_FIRMWARE,
    ),
)


class ServoSetupError(HalError):
    """A servo is set up in a way that makes moving it unsafe.

    Reasons: HOMING_OFFSET_SET, OPERATING_MODE, DRIVE_MODE, SECONDARY_ID, STARTUP_TORQUE,
    SERVO_LIMITS_TOO_TIGHT.
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
    group = ServoGroup(bus, servos)
    _refuse_settings(group)
    limited = _with_limits(group)
    _refuse_limits(limited, spec)
    return limited, list(_warnings(group))


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


def _refuse_settings(group: ServoGroup) -> None:
    for rule in _RULES:
        having = [servo for servo in group.servos if servo.firmware >= rule.firmware]
        if having:
            _refuse_values(ServoGroup(group.bus, having), rule)


def _refuse_values(group: ServoGroup, rule: "_Rule") -> None:
    values = group.read(rule.register)
    wrong = [servo for servo in group.servos if rule.is_wrong(values[servo.id])]
    if wrong:
        message = rule.message.format(values[wrong[0].id])
        raise ServoSetupError(f"{names_of(wrong)}: {message}", reason=rule.reason)


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


def _warnings(group: ServoGroup) -> Iterator[str]:
    delays = group.read("return_delay_time")
    slow = [servo for servo in group.servos if delays[servo.id]]
    if slow:
        delay_us = delays[slow[0].id] * RETURN_DELAY_S * 1e6
        yield (
            f"RETURN_DELAY: {names_of(slow)} wait {delay_us:.0f} us before each answer; "
            "configure_servos sets that to 0"
        )
    masks = group.read("shutdown")
    lenient = [s for s in group.servos if _NEEDED_SHUTDOWN & ~masks[s.id]]
    if lenient:
        yield (
            f"SHUTDOWN_MASK: {names_of(lenient)} do not switch themselves off at overload, shock "
            f"and overheating (mask {masks[lenient[0].id]}, factory {int(_NEEDED_SHUTDOWN)})"
        )
