from math import inf, pi

import numpy as np
import pytest

from hal.errors import UnknownRobotError
from hal.robots.dclaw import DCLAW
from hal.robots.dkitty import DKITTY
from hal.robots.registry import ROBOTS, robot_spec, servo_layout
from hal.types import RobotSpec


def test_dclaw_is_that_of_the_benchmark():
    assert DCLAW.joint_names == (
        "FFJ10", "FFJ11", "FFJ12", "MFJ20", "MFJ21", "MFJ22", "THJ30", "THJ31", "THJ32",
    )  # fmt: skip
    assert DCLAW.objects == ("valve",)
    np.testing.assert_allclose(DCLAW.position_max_rad, [0.48, pi / 3, pi / 2] * 3)
    np.testing.assert_allclose(DCLAW.position_min_rad, [-0.48, -pi / 3, -pi / 2] * 3)
    np.testing.assert_allclose(DCLAW.velocity_max_rad_s, 2 * pi / 3)
    assert DCLAW.home_position_rad == (0.0, -pi / 3, pi / 3) * 3
    assert all(j.acceleration_max_rad_s2 == inf for j in DCLAW.joints)


def test_dkitty_is_that_of_the_benchmark():
    assert DKITTY.joint_names == (
        "A:FRJ10", "A:FRJ11", "A:FRJ12", "A:FLJ20", "A:FLJ21", "A:FLJ22",
        "A:BLJ30", "A:BLJ31", "A:BLJ32", "A:BRJ40", "A:BRJ41", "A:BRJ42",
    )  # fmt: skip
    assert DKITTY.objects == ()
    assert DKITTY.bodies == ("torso",)
    right, left = (-0.5, 0.279), (-0.279, 0.5)
    low, high = zip(right, left, left, right, strict=True)
    np.testing.assert_allclose(DKITTY.position_min_rad[0::3], low)
    np.testing.assert_allclose(DKITTY.position_max_rad[0::3], high)
    np.testing.assert_allclose(DKITTY.position_min_rad[1::3], 0.0)
    np.testing.assert_allclose(DKITTY.position_max_rad[1::3], pi / 2)
    np.testing.assert_allclose(DKITTY.position_min_rad[2::3], -2.0)
    np.testing.assert_allclose(DKITTY.position_max_rad[2::3], 0.0)
    np.testing.assert_allclose(DKITTY.velocity_max_rad_s, pi)


@pytest.mark.parametrize("spec", [DCLAW, DKITTY], ids=lambda spec: spec.model)
def test_home_is_in_range(spec: RobotSpec):
    home = np.array(spec.home_position_rad)
    assert ((home >= spec.position_min_rad) & (home <= spec.position_max_rad)).all()


@pytest.mark.parametrize("spec", [DCLAW, DKITTY], ids=lambda spec: spec.model)
def test_servos_have_the_joints_names_and_travel_as_far_as_they_are_commanded(spec: RobotSpec):
    layout = servo_layout(spec.model)
    assert tuple(joint.name for joint in layout.joints) == spec.joint_names
    assert tuple(servo.name for servo in layout.objects) == spec.objects
    assert all(
        servo.travel_min_rad <= joint.position_min_rad
        and joint.position_max_rad <= servo.travel_max_rad
        for servo, joint in zip(layout.joints, spec.joints, strict=True)
    )


def test_registry():
    assert "dclaw" in ROBOTS.names()
    assert robot_spec("dclaw") is DCLAW
    assert robot_spec("dkitty") is DKITTY
    with pytest.raises(UnknownRobotError, match=r"'hexapod'; known: .*dclaw"):
        robot_spec("hexapod")
    with pytest.raises(UnknownRobotError, match=r"'dclow'; did you mean 'dclaw'\?"):
        robot_spec("dclow")


# --- servos


@pytest.mark.parametrize("model", ["dclaw", "dkitty"])
def test_every_commanded_angle_lies_within_one_turn_of_its_servo(model: str):
    layout = servo_layout(model)
    for joint in layout.joints:
        for angle in (joint.travel_min_rad, joint.travel_max_rad):
            ticks = (angle - joint.offset_rad) / joint.scale * 4096 / (2 * pi)
            assert 0 <= ticks <= 4095, joint


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
