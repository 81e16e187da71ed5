# pyright: reportAttributeAccessIssue=false
from dataclasses import replace

import mujoco
import numpy as np
import pytest

from hal.description import RobotDescription, SceneSource
from hal.errors import AssetError, UnknownRobotError
from hal.robots.dclaw import DCLAW
from hal.robots.registry import ROBOTS
from sim.scene import Scene, build_scene, compile_model


def test_dclaw_has_the_nine_joints_and_the_valve(dclaw_scene: Scene):
    model = dclaw_scene.model
    assert (model.nq, model.nv, model.nu) == (10, 10, 9)
    assert model.opt.timestep == 0.0025
    names = [mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_JOINT, i) for i in range(10)]
    assert names == [*DCLAW.joint_names, "valve_OBJRx"]
    np.testing.assert_array_equal(dclaw_scene.joint_qpos, range(9))
    np.testing.assert_array_equal(dclaw_scene.object_qpos, [9])


def test_dclaw_servos_are_position_servos_of_gain_two(dclaw_scene: Scene):
    model = dclaw_scene.model
    np.testing.assert_allclose(model.actuator_gainprm[:, 0], 2.0)
    np.testing.assert_allclose(model.actuator_biasprm[:, 1:3], [[-2.0, 0.0]] * 9)
    np.testing.assert_allclose(model.dof_damping, 0.1)
    np.testing.assert_allclose(model.dof_armature, 0.001)


def test_leaving_the_overlay_out_changes_no_motion(dclaw_scene: Scene):
    bare = dclaw_scene.model
    source = ROBOTS["dclaw"].scene
    assert source is not None
    whole = compile_model(replace(source, omit=()))
    assert (whole.nq, whole.nu) == (19, 9)
    joints = [whole.joint(name).qposadr[0] for name in (*DCLAW.joint_names, "valve_OBJRx")]
    rng = np.random.default_rng(5)
    contacts = 0
    for valve in (-0.5, 0.9):
        data, reference = mujoco.MjData(bare), mujoco.MjData(whole)
        data.qpos[:] = reference.qpos[joints] = [*DCLAW.home_position_rad, valve]
        for _ in range(40):
            target = rng.uniform(DCLAW.position_min_rad, DCLAW.position_max_rad)
            data.ctrl[:] = reference.ctrl[:] = target
            mujoco.mj_step(bare, data, 40)
            mujoco.mj_step(whole, reference, 40)
            contacts += data.ncon
        np.testing.assert_allclose(data.qpos, reference.qpos[joints], rtol=0, atol=1e-9)
        np.testing.assert_allclose(data.qvel, reference.qvel[joints], rtol=0, atol=1e-7)
    assert contacts > 20  # the fingers did touch each other and the valve


def test_robot_without_a_scene_is_named(define):
    bare = define(RobotDescription(replace(DCLAW, model="bare")))
    with pytest.raises(AssetError, match=r"no simulated scene for robot model 'bare'.*dclaw"):
        build_scene(bare.spec)


def test_unknown_robot_is_named_with_the_nearest():
    with pytest.raises(UnknownRobotError, match="'dclav'; did you mean 'dclaw'"):
        build_scene(replace(DCLAW, model="dclav"))


def test_joint_missing_from_the_model_is_named():
    joints = (replace(DCLAW.joints[0], name="FFJ99"), *DCLAW.joints[1:])
    with pytest.raises(AssetError, match="mjOBJ_JOINT named 'FFJ99'"):
        build_scene(replace(DCLAW, joints=joints))


def test_description_that_mujoco_refuses_is_named(tmp_path):
    (tmp_path / "m.xml").write_text("<mujoco><worldbody><geom/></worldbody></mujoco>")
    with pytest.raises(AssetError, match=r"refuses m\.xml"):
        compile_model(SceneSource(str(tmp_path / "m.xml")))
