"""The cost of acting of a task that asks nothing for it: every robot task."""

from typing import Any

from hal.arrays import array_namespace

Array = Any


def no_action_cost(applied_action: Array) -> Array:
    """Zeros [...] for applied actions [..., A], of their kind and precision."""
    xp = array_namespace(applied_action)
    return xp.zeros(applied_action.shape[:-1], dtype=applied_action.dtype)
