"""A robot's state from what its servos answered, in SI units, with what is stale said to be so."""

import numpy as np

from hal.dynamixel.session import ServoSession
from hal.dynamixel.units import CURRENT_A, VOLTAGE_V
from hal.health import JointHealth
from hal.tracker import TrackedBodies
from hal.types import RobotState, Vector

_NO_BODIES = TrackedBodies(0, np.zeros((0, 6)), np.zeros((0, 6)), np.zeros(0, dtype=np.bool_))


def robot_state(session: ServoSession, sequence: int, bodies: TrackedBodies | None) -> RobotState:
    """The latest cycle; a joint or object that was not measured in it has its last position and is
    invalid."""
    count, motion, readings = session.joint_count, session.motion, session.readings
    tracked = _NO_BODIES if bodies is None else bodies
    return RobotState(
        stamp_ns=int(readings.stamp_ns.max()),
        sequence=sequence,
        joint_position_rad=motion.position_rad[:count].copy(),
        joint_velocity_rad_s=motion.velocity_rad_s[:count].copy(),
        joint_current_ma=_current_ma(session),
        joint_temperature_c=readings.rows["present_temperature"][:count].astype(np.float64),
        object_position_rad=motion.position_rad[count:].copy(),
        object_velocity_rad_s=motion.velocity_rad_s[count:].copy(),
        valid=motion.valid[:count].copy(),
        object_valid=motion.valid[count:].copy(),
        body_pose=tracked.pose,
        body_velocity=tracked.velocity,
        body_valid=tracked.valid,
    )


def joint_health(session: ServoSession, now_ns: int) -> tuple[JointHealth, ...]:
    """What every servo said last of itself, objects included."""
    readings = session.readings
    age_s = readings.age_s(now_ns)
    return tuple(
        JointHealth(
            name=servo.name,
            servo_id=servo.id,
            voltage_v=float(row["present_input_voltage"]) * VOLTAGE_V,
            temperature_c=float(row["present_temperature"]),
            hardware_error=int(row["hardware_error_status"]),
            age_s=float(age),
        )
        for servo, row, age in zip(session.connection.servos, readings.rows, age_s, strict=True)
    )


def _current_ma(session: ServoSession) -> Vector:
    joints = session.connection.servos[: session.joint_count]
    counts = session.readings.rows["present_current"][: session.joint_count].astype(np.float64)
    measured = np.array(["present_current" in servo.table for servo in joints])
    return np.where(measured, counts * CURRENT_A * 1e3, np.nan)
