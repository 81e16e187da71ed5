"""What a command must be before any robot sees it: the last check, independent of the safety gate.

The gate shapes commands; this refuses those that are wrong, whoever sent them.
"""

import numpy as np

from hal.errors import CommandError
from hal.types import JointCommand, ResetTarget, RobotSpec, Vector

_RANGE_TOLERANCE_RAD = 1e-9  # one rounding in the arithmetic of the gate
_SETTLE_MAX_S = 10.0


def check_command(spec: RobotSpec, command: JointCommand) -> None:
    """Pass when `command` is finite, one target per joint, each inside its position range.

    Raises:
        CommandError: COMMAND_SHAPE, COMMAND_NOT_FINITE or COMMAND_OUT_OF_RANGE.
    """
    position = command.position_rad
    _check_vector(position, spec.joint_names, "command position_rad", "COMMAND")
    low, high = spec.position_min_rad, spec.position_max_rad
    outside = (position < low - _RANGE_TOLERANCE_RAD) | (position > high + _RANGE_TOLERANCE_RAD)
    if outside.any():
        joint = int(np.argmax(outside))
        raise CommandError(
            f"joint {spec.joint_names[joint]!r} commanded {position[joint]:.6g} rad, "
            f"limit [{low[joint]:.6g}, {high[joint]:.6g}] rad",
            reason="COMMAND_OUT_OF_RANGE",
        )


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


def _check_vector(value: Vector, names: tuple[str, ...], what: str, reason: str) -> None:
    if not isinstance(value, np.ndarray) or value.dtype != np.float64:
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
        raise CommandError(
            f"{what} of {names[worst]!r} is {value[worst]}, expected a finite angle in rad",
            reason=f"{reason}_NOT_FINITE",
        )
