"""Measurements of a D'Claw for tests."""

import numpy as np

from hal.types import RobotState


def make_state(position: np.ndarray | None = None, **changes) -> RobotState:
    """A valid measurement at time 0: joints at `position`, or 0, at rest."""
    fields: dict = {
        "stamp_ns": 0,
        "sequence": 1,
        "joint_position_rad": np.zeros(9) if position is None else position,
        "joint_velocity_rad_s": np.zeros(9),
        "joint_current_ma": np.full(9, np.nan),
        "joint_temperature_c": np.full(9, np.nan),
        "object_position_rad": np.zeros(1),
        "object_velocity_rad_s": np.zeros(1),
        "valid": np.ones(9, dtype=np.bool_),
    }
    return RobotState(**(fields | changes))
