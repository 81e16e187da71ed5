"""Normalised actions to joint targets and back, with the bounds on positions and on efforts.

A target is a position in rad, or an effort: a torque in N m or a force in N.

Pure and batched over leading axes, for NumPy arrays and torch tensors alike: the safety gate runs
it before every command, and imagined rollouts run the same lines, so a policy is trained on the
commands that the robot would really get.
"""

from typing import Any

from hal.arrays import array_namespace

Array = Any  # a NumPy array or a torch tensor


def action_to_target(action: Array, target_min: Array, target_max: Array) -> Array:
    """Joint targets [..., J] for actions [..., J]; one beyond [-1, 1] counts as its end."""
    xp = array_namespace(action)
    centre = 0.5 * (target_max + target_min)
    half_range = 0.5 * (target_max - target_min)
    # Bounding the target costs a third of clipping the action, in a step that runs for every row.
    return xp.maximum(xp.minimum(centre + half_range * action, target_max), target_min)


def target_to_action(target: Array, target_min: Array, target_max: Array) -> Array:
    """The action [..., J] that stands for joint targets [..., J]."""
    centre = 0.5 * (target_max + target_min)
    half_range = 0.5 * (target_max - target_min)
    return (target - centre) / half_range


def bound_target(
    target: Array,
    position: Array,
    position_min: Array,
    position_max: Array,
    step_max: Array,
) -> Array:
    """Targets [..., J] rad inside the range and within `step_max` rad of the measured position.

    The position range wins: a joint found outside its range is led back no faster than `step_max`
    allows only as far as that does not command outside the range.
    """
    xp = array_namespace(target)
    near = xp.maximum(xp.minimum(target, position + step_max), position - step_max)
    return xp.maximum(xp.minimum(near, position_max), position_min)


def drives_on(effort: Array, value: Array, low: Array, high: Array) -> Array:
    """[..., J] whether `effort` drives a joint on whose `value` has left [low, high] that way."""
    return ((value > high) & (effort > 0)) | ((value < low) & (effort < 0))
