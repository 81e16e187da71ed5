"""What a command must be before any robot sees it: the last check, independent of the safety gate.

The gate shapes commands; this refuses those that are wrong, whoever sent them.
"""

from typing import Any, TypeGuard, cast

import numpy as np

from hal.errors import CommandError
from hal.types import ActuatorKind, JointCommand, ResetTarget, RobotSpec, Vector

_RANGE_TOLERANCE = 1e-9  # one rounding in the arithmetic of the gate
_SETTLE_MAX_S = 10.0


def check_command(spec: RobotSpec, command: JointCommand) -> None:
    """Pass when `command` is finite, one target per joint of its kind, each inside its range.

    Raises:
        CommandError: COMMAND_SHAPE, COMMAND_KIND, COMMAND_NOT_FINITE or COMMAND_OUT_OF_RANGE.
    """
    target = command.target
    if wrong := kind_mismatch(spec, command):
        raise CommandError(wrong, reason="COMMAND_KIND")
    _check_vector(target, spec.joint_names, "command target", "COMMAND", spec.kinds)
    low, high = spec.command_min, spec.command_max
    outside = (target < low - _RANGE_TOLERANCE) | (target > high + _RANGE_TOLERANCE)
    if outside.any():
        joint = int(np.argmax(outside))
        unit = spec.kinds[joint].unit
        raise CommandError(
            f"joint {spec.joint_names[joint]!r} commanded {target[joint]:.6g} {unit}, "
            f"limit [{low[joint]:.6g}, {high[joint]:.6g}] {unit}",
            reason="COMMAND_OUT_OF_RANGE",
        )


def kind_mismatch(spec: RobotSpec, command: JointCommand) -> str:
    """What is wrong with the kinds of `command` for this robot, in words; "" where nothing is."""
    if command.kinds == spec.kinds or (not command.kinds and spec.takes_positions):
        return ""
    given = command.kinds or (ActuatorKind.POSITION,) * len(spec.joints)
    if len(given) != len(spec.joints):
        return f"command has {len(given)} kinds, expected {len(spec.joints)}, one for each joint"
    for joint, kind in zip(spec.joints, given, strict=True):
        if kind is not joint.kind:
            return f"joint {joint.name!r} is driven by {joint.kind} and got a {kind} in {kind.unit}"
    return ""


def check_reset_target(spec: RobotSpec, target: ResetTarget) -> None:
    """Pass when `target` is finite and has one entry per joint, per object and per body.

    Raises:
        CommandError: RESET_TARGET_SHAPE, RESET_TARGET_NOT_FINITE or RESET_TARGET_SETTLE.
    """
    _check_vector(target.joint_position_rad, spec.joint_names, "joint_position_rad", "RESET_TARGET")
    _check_vector(target.object_position_rad, spec.objects, "object_position_rad", "RESET_TARGET")
    shape = (len(spec.bodies), 6)
    if target.body_pose.shape != shape or target.body_pose.dtype != np.float64:
        raise CommandError(
            f"body_pose is {target.body_pose.dtype} {target.body_pose.shape}, expected float64 "
            f"{shape} for {', '.join(spec.bodies) or 'no bodies'}",
            reason="RESET_TARGET_SHAPE",
        )
    if not np.isfinite(target.body_pose).all():
        raise CommandError("body_pose is not finite", reason="RESET_TARGET_NOT_FINITE")
    if not 0.0 <= target.settle_s <= _SETTLE_MAX_S:
        raise CommandError(
            f"settle_s is {target.settle_s}, expected 0 to {_SETTLE_MAX_S:g} s",
            reason="RESET_TARGET_SETTLE",
        )


def _is_vector(value: object) -> TypeGuard[Vector]:
    return isinstance(value, np.ndarray) and cast(np.ndarray[Any, Any], value).dtype == np.float64


def _check_vector(
    value: object,
    names: tuple[str, ...],
    what: str,
    reason: str,
    kinds: tuple[ActuatorKind, ...] = (),
) -> None:
    if not _is_vector(value):
        kind = getattr(value, "dtype", type(value).__name__)
        raise CommandError(f"{what} is {kind}, expected a float64 array", reason=f"{reason}_SHAPE")
    if value.shape != (len(names),):
        raise CommandError(
            f"{what} has shape {value.shape}, expected ({len(names)},) for {', '.join(names)}",
            reason=f"{reason}_SHAPE",
        )
    finite = np.isfinite(value)
    if not finite.all():
        worst = int(np.argmin(finite))
        unit = kinds[worst].unit if kinds else "rad"
        raise CommandError(
            f"{what} of {names[worst]!r} is {value[worst]}, expected a finite number in {unit}",
            reason=f"{reason}_NOT_FINITE",
        )
