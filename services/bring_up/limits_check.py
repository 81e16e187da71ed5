"""Position limits in the servos: the last stop for a wrong goal, and no tighter than needed."""

import numpy as np

from hal.dynamixel.angles import ServoAngles
from hal.dynamixel.units import TICKS_PER_TURN
from hal.robots.registry import robot_spec
from services.bring_up.checks import Complaint
from services.bring_up.finding import Level
from services.bring_up.readout import Readout
from services.bring_up.target import Target


def judge_limits(readout: Readout, target: Target) -> Complaint | None:
    """Tighter than a joint's range: the driver refuses. Wider than its travel: no last stop."""
    low, high = readout.values["min_position_limit"], readout.values["max_position_limit"]
    travel_low, travel_high = travel_ticks(readout.servo_id, target)
    remedy = target.command("calibrate", "--write-limits")
    if low > travel_low or high < travel_high:
        needed_low, needed_high = range_ticks(readout.servo_id, target)
        if low > needed_low or high < needed_high:
            text = "position limits tighter than what commands may ask for"
            value = f"{low} to {high} ticks, needed {needed_low} to {needed_high}"
            return Complaint(Level.FAIL, text, remedy, value)
        text = "position limits tighter than the travel, so that a reset may not get there"
        value = f"{low} to {high} ticks, travel {travel_low} to {travel_high}"
        return Complaint(Level.WARN, text, remedy, value)
    if low == travel_low and high == travel_high:
        return None
    text = "position limits are wider than the travel: the servo itself stops no wrong goal"
    return Complaint(Level.WARN, text, remedy)


def travel_ticks(servo_id: int, target: Target) -> tuple[int, int]:
    """Lowest and highest position, in ticks, that servo `servo_id` may ever be sent to."""
    servo = next(s for s in target.servos if s.servo_id == servo_id)
    angles = ServoAngles((servo,))
    high = min(int(angles.travel_max_ticks[0]), TICKS_PER_TURN - 1)  # all round ends a tick earlier
    return int(angles.travel_min_ticks[0]), high


def range_ticks(servo_id: int, target: Target) -> tuple[int, int]:
    """Lowest and highest position, in ticks, that commands may ask for; of an object its travel."""
    joints = target.calibration.joints
    index = next((i for i, j in enumerate(joints) if j.servo_id == servo_id), None)
    if index is None:
        return travel_ticks(servo_id, target)
    limits = robot_spec(target.robot).joints[index]
    ends = np.array([limits.position_min_rad, limits.position_max_rad])
    low, high = sorted(ServoAngles((joints[index],) * 2).to_ticks(ends))
    return int(low), int(high)
