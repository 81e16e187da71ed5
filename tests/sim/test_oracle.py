"""The control step against dm_control's own stepping of the complete, unmodified model."""

import numpy as np
import pytest

from hal.clock import ManualClock
from hal.robots.dclaw import DCLAW
from hal.robots.registry import ROBOTS
from hal.types import JointCommand, ResetTarget
from sim.assets import package_assets
from sim.mjcf import read_mjcf
from sim.robot import MujocoRobot
from sim.scene import Scene

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_control_steps_equal_those_of_dm_control(dclaw_scene: Scene):
    from dm_control.mujoco import Physics

    scene = ROBOTS["dclaw"].scene
    assert scene is not None
    mjcf = read_mjcf(package_assets("robel"), scene.path)
    physics = Physics.from_xml_string(mjcf.xml, mjcf.files)
    names = [*DCLAW.joint_names, "valve_OBJRx"]
    rng = np.random.default_rng(11)
    with MujocoRobot("dclaw", 0.1, ManualClock(), dclaw_scene) as robot:
        robot.configure()
        robot.activate()
        home, valve = np.array(DCLAW.home_position_rad), np.array([0.7])
        robot.reset(ResetTarget(home, valve))
        with physics.reset_context():
            physics.named.data.qpos[names] = [*home, *valve]
        for _ in range(40):
            target = rng.uniform(DCLAW.position_min_rad, DCLAW.position_max_rad)
            robot.write(JointCommand(target))
            physics.set_control(target)
            physics.step(40)
            state = robot.read()
            measured = [*state.joint_position_rad, *state.object_position_rad]
            np.testing.assert_allclose(measured, physics.named.data.qpos[names], rtol=0, atol=1e-8)
