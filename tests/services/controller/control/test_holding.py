"""Holding moves nothing: a robot that is far outside its range is not flung back into it."""

import numpy as np
import pytest

from hal.lifecycle import Lifecycle
from hal.robots.dclaw import DCLAW

FAR_RAD, NEAR_RAD = 0.8, 0.05


def lay_down(rig, by_rad: float = FAR_RAD) -> None:
    """As somebody, a fall or a reset leaves a robot."""
    rig.robot.position = DCLAW.position_max_rad + by_rad


def start_reset(rig) -> None:
    assert rig.call("activate")["ok"]
    rig.run_episodes()
    rig.cycle(3)
    lay_down(rig)
    rig.cycle()
    rig.robot.writes.clear()


def test_activated_outside_its_range_it_stays_there(make_rig):
    rig = make_rig()
    lay_down(rig)
    assert rig.call("activate")["ok"]
    rig.cycle(10)
    assert rig.lifecycle == Lifecycle.ACTIVE
    assert rig.robot.torque
    assert not rig.robot.writes


def test_a_little_outside_it_is_held_at_the_end_of_its_range(make_rig):
    rig = make_rig()
    lay_down(rig, NEAR_RAD)
    assert rig.call("activate")["ok"]
    rig.cycle()
    np.testing.assert_allclose(rig.robot.writes[0], DCLAW.position_max_rad)


def test_a_reset_that_is_cancelled_leaves_it_where_it_is(make_rig):
    rig = make_rig(reset_periods=1000)
    start_reset(rig)
    assert rig.call("cancel_episodes")["ok"]
    rig.cycle(10)
    assert rig.lifecycle == Lifecycle.ACTIVE
    assert not rig.robot.writes


def test_a_stop_in_the_midst_of_a_reset_lets_go(make_rig):
    rig = make_rig(reset_periods=1000)
    start_reset(rig)
    assert rig.call("deactivate")["ok"]
    assert not rig.robot.torque
    assert not rig.robot.writes
    assert rig.lifecycle == Lifecycle.INACTIVE


def test_no_joint_is_jogged_while_another_would_be_flung(make_rig):
    rig = make_rig()
    lay_down(rig)
    assert rig.call("activate")["ok"]
    rig.cycle()
    reply = rig.call("jog", joint="FFJ11", delta_rad=-0.1, speed_rad_s=0.5)
    assert not reply["ok"]
    assert reply["reason"] == "JOINT_OUT_OF_RANGE"
    assert "FFJ10" in reply["message"]
    assert not rig.robot.writes


@pytest.mark.parametrize("joint", range(3))
def test_one_joint_outside_is_enough(make_rig, joint: int):
    rig = make_rig()
    rig.robot.position[joint] = DCLAW.position_min_rad[joint] - FAR_RAD
    assert rig.call("activate")["ok"]
    rig.cycle(3)
    assert not rig.robot.writes
