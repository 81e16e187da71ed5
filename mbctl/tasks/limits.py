"""A robot's joint limits as arrays of the caller's kind, made once per kind."""

from functools import lru_cache
from typing import Any

from hal.arrays import array_namespace
from hal.types import RobotSpec

Array = Any


@lru_cache(maxsize=32)
def _limits(spec: RobotSpec, namespace: Any, dtype: Any) -> tuple[Array, Array, Array]:
    values = (spec.position_min_rad, spec.position_max_rad, spec.velocity_max_rad_s)
    low, high, velocity = (namespace.asarray(v, dtype=dtype) for v in values)
    return low, high, velocity


def limit_arrays(spec: RobotSpec, like: Array) -> tuple[Array, Array, Array]:
    """Position minimum and maximum (rad) and velocity maximum (rad/s), each [J], kind of `like`."""
    return _limits(spec, array_namespace(like), like.dtype)
