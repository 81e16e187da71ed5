"""The measured state on the wire."""

import numpy as np

from hal.clock import ManualClock
from hal.robots.dclaw import DCLAW
from hal.robots.dkitty import DKITTY
from hal.types import ResetTarget
from services.controller.status import state_to_proto
from sim.robot import MujocoRobot


def test_tracked_bodies_are_told_with_their_names():
    pose = np.array([[0.5, -0.3, 0.1, 0.0, 0.0, 0.8]])
    with MujocoRobot("dkitty", 0.1, ManualClock()) as robot:
        robot.configure()
        robot.activate()
        robot.reset(ResetTarget(np.zeros(12), np.zeros(0), pose))
        told = state_to_proto(robot.read(), DKITTY)
    (torso,) = told.bodies
    assert torso.name == "torso"
    np.testing.assert_allclose(torso.pose, pose[0], atol=1e-9)
    assert list(torso.velocity) == [0.0] * 6
    assert torso.valid
    assert told.valid
    assert tuple(told.joint_names) == DKITTY.joint_names


def test_a_robot_without_bodies_tells_of_none():
    with MujocoRobot("dclaw", 0.1, ManualClock()) as robot:
        robot.configure()
        told = state_to_proto(robot.read(), DCLAW)
    assert not told.bodies
    assert len(told.object_position_rad) == 1
