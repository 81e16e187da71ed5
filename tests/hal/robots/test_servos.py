from math import pi

import pytest

from hal.errors import UnknownRobotError
from hal.robots.registry import ROBOTS, robot_spec, servo_layout


@pytest.mark.parametrize("model", ["dclaw", "dkitty"])
def test_every_commanded_angle_lies_within_one_turn_of_its_servo(model: str):
    layout = servo_layout(model)
    for joint in layout.joints:
        for angle in (joint.travel_min_rad, joint.travel_max_rad):
            ticks = (angle - joint.offset_rad) / joint.scale * 4096 / (2 * pi)
            assert 0 <= ticks <= 4095, joint


@pytest.mark.parametrize("model", ROBOTS.names())
def test_covers_the_joints_of_the_specification_in_order(model: str):
    spec, layout = robot_spec(model), servo_layout(model)
    assert tuple(j.name for j in layout.joints) == spec.joint_names
    assert tuple(j.name for j in layout.objects) == spec.objects
    for joint, servo in zip(spec.joints, layout.joints, strict=True):
        assert servo.travel_min_rad <= joint.position_min_rad
        assert servo.travel_max_rad >= joint.position_max_rad


@pytest.mark.parametrize("model", ["dclaw", "dkitty"])
def test_ids_are_unique(model: str):
    layout = servo_layout(model)
    ids = [s.servo_id for s in (*layout.joints, *layout.objects, *layout.guides)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("servo_id", "ticks_at_zero"),
    [(10, 3072), (20, 1024), (30, 3072), (40, 1024), (11, 2048), (22, 2048), (31, 2048)],
)
def test_dkitty_stands_straight_at_these_ticks(servo_id: int, ticks_at_zero: int):
    joint = next(j for j in servo_layout("dkitty").joints if j.servo_id == servo_id)
    assert round(-joint.offset_rad / joint.scale * 4096 / (2 * pi)) == ticks_at_zero


def test_mirrored_legs_bend_alike():
    layout = {j.servo_id: j for j in servo_layout("dkitty").joints}
    assert [layout[i].scale for i in (10, 20, 30, 40)] == [1, 1, -1, -1]
    assert [layout[i].scale for i in (12, 22, 32, 42)] == [-1, 1, 1, -1]


def test_unknown_model_names_the_known_ones():
    with pytest.raises(UnknownRobotError, match="dclaw, dkitty"):
        servo_layout("reacher")
