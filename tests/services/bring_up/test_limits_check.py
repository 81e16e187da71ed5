"""Ticks that a servo may be sent to, with either direction of counting."""

from hal.dynamixel.calibration import default_calibration
from hal.robots.registry import robot_spec
from services.bring_up.limits_check import range_ticks, travel_ticks
from services.bring_up.target import Target


def test_ranges_lie_inside_travels_and_travels_inside_a_turn():
    for model in ("dclaw", "dkitty"):
        target = Target(default_calibration(model))
        for servo in target.servos:
            low, high = travel_ticks(servo.servo_id, target)
            range_low, range_high = range_ticks(servo.servo_id, target)
            assert 0 <= low <= range_low < range_high <= high <= 4095, servo.name


def test_a_range_is_that_of_the_specification():
    target = Target(default_calibration("dkitty"))
    limits = robot_spec("dkitty").joints[0]
    low, high = range_ticks(target.calibration.joints[0].servo_id, target)
    span = limits.position_max_rad - limits.position_min_rad
    assert abs((high - low) * 2 * 3.141592653589793 / 4096 - span) < 0.004


def test_an_object_turns_all_round(claw: Target):
    assert travel_ticks(50, claw) == range_ticks(50, claw) == (0, 4095)
