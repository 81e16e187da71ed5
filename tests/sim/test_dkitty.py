"""The simulated D'Kitty: its scene, its torso, and that it stands."""

# pyright: reportAttributeAccessIssue=false
import mujoco
import numpy as np
import pytest

from hal.clock import ManualClock
from hal.description import SceneSource
from hal.errors import CommandError
from hal.robots.dkitty import DKITTY
from hal.types import JointCommand, ResetTarget, RobotState
from sim.body import body_states
from sim.robot import MujocoRobot
from sim.scene import Scene, compile_model

STRAIGHT = np.zeros(12)
CROUCH = np.array([0.0, np.pi / 4, -np.pi / 2] * 4)


@pytest.fixture
def robot(dkitty_scene: Scene):
    with MujocoRobot("dkitty", 0.1, ManualClock(), dkitty_scene) as robot:
        robot.configure()
        robot.activate()
        yield robot


def place(robot: MujocoRobot, legs: np.ndarray, pose: np.ndarray, settle_s: float = 0.0):
    robot.reset(ResetTarget(legs, np.zeros(0), pose[None], settle_s))
    return robot.read()


def hold(robot: MujocoRobot, legs: np.ndarray, steps: int) -> RobotState:
    for _ in range(steps):
        robot.write(JointCommand(legs))
    return robot.read()


def uprightness(state: RobotState) -> float:
    return float(np.prod(np.cos(state.body_pose[0, 3:5])))


def test_scene_has_the_twelve_joints_and_the_torso(dkitty_scene: Scene):
    model = dkitty_scene.model
    assert (model.nq, model.nv, model.nu) == (19, 18, 12)
    assert model.opt.timestep == 0.0025
    names = [mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_JOINT, i) for i in range(13)]
    assert names == ["kitty_frame", *DKITTY.joint_names]
    np.testing.assert_array_equal(dkitty_scene.body_qpos, [range(7)])
    np.testing.assert_array_equal(dkitty_scene.body_dof, [range(6)])
    np.testing.assert_array_equal(dkitty_scene.joint_qpos, range(7, 19))
    np.testing.assert_allclose(dkitty_scene.body_rest_m, [[0.0, 0.0, 0.3]])
    np.testing.assert_allclose(model.actuator_gainprm[:, 0], 5.0)
    assert dkitty_scene.object_qpos.shape == (0,)


@pytest.mark.parametrize("task", ["stand", "orient", "walk"])
def test_it_moves_as_the_benchmark_s_models_do(dkitty_scene: Scene, task: str):
    """They carry the torso on slides and hinges; ours is free."""
    chain = compile_model(SceneSource(f"dkitty/assets/dkitty_{task}-v0.xml", "robel"))
    data, reference = mujoco.MjData(dkitty_scene.model), mujoco.MjData(chain)
    rng = np.random.default_rng(3)
    for step in range(20):
        if step % 4 == 0:
            target = rng.uniform(DKITTY.position_min_rad, DKITTY.position_max_rad) * 0.3
        data.ctrl[:] = reference.ctrl[:] = target
        mujoco.mj_step(dkitty_scene.model, data, 40)
        mujoco.mj_step(chain, reference, 40)
        pose, _ = body_states(dkitty_scene, data)
        np.testing.assert_allclose(pose[0], reference.qpos[:6], rtol=0, atol=0.01)
        np.testing.assert_allclose(data.qpos[7:], reference.qpos[6:], rtol=0, atol=0.01)
    assert data.ncon > 0
    assert np.abs(pose[0, :2]).max() > 0.01


def test_it_stands_where_it_is_put(robot: MujocoRobot):
    first = place(robot, STRAIGHT, np.array([0.5, -0.3, 0.0, 0.0, 0.0, 0.8]))
    np.testing.assert_allclose(first.body_pose[0], [0.5, -0.3, 0.0, 0.0, 0.0, 0.8], atol=1e-9)
    assert not first.body_velocity.any()
    state = hold(robot, STRAIGHT, 20)
    np.testing.assert_allclose(state.body_pose[0], [0.5, -0.3, 0.0, 0.0, 0.0, 0.8], atol=0.01)
    assert uprightness(state) > 0.99
    assert state.body_valid.all()


def test_it_settles_before_the_reset_is_done(robot: MujocoRobot):
    floating = place(robot, CROUCH, np.zeros(6))
    settled = place(robot, CROUCH, np.zeros(6), settle_s=0.35)
    assert floating.body_pose[0, 2] == 0.0
    assert settled.body_pose[0, 2] == pytest.approx(-0.055, abs=0.01)
    resting = hold(robot, CROUCH, 10)
    assert resting.body_pose[0, 2] == pytest.approx(settled.body_pose[0, 2], abs=0.005)


def test_it_falls_onto_its_side_when_it_lifts_the_legs_of_that_side(robot: MujocoRobot):
    place(robot, STRAIGHT, np.zeros(6))
    lifted = STRAIGHT.copy()
    lifted[[1, 10]], lifted[[2, 11]] = np.pi / 2, -2.0
    assert abs(uprightness(hold(robot, lifted, 30))) < 0.3


def test_it_turns_past_half_a_turn(robot: MujocoRobot):
    _, data = robot._simulation
    place(robot, STRAIGHT, np.array([0.0, 0.0, 0.1, 0.0, 0.0, 3.1]))
    data.qvel[5] = 2.0
    state = hold(robot, STRAIGHT, 1)
    assert -np.pi <= state.body_pose[0, 5] < -2.9
    assert state.body_velocity[0, 5] > 0.5


@pytest.mark.parametrize("settle_s", [-0.1, 11.0, np.nan])
def test_settling_for_no_sensible_time_is_refused(robot: MujocoRobot, settle_s: float):
    with pytest.raises(CommandError, match="expected 0 to 10 s") as caught:
        place(robot, CROUCH, np.zeros(6), settle_s)
    assert caught.value.reason == "RESET_TARGET_SETTLE"


@pytest.mark.parametrize(
    ("pose", "reason"),
    [
        (np.zeros((2, 6)), "RESET_TARGET_SHAPE"),
        (np.zeros((1, 7)), "RESET_TARGET_SHAPE"),
        (np.full((1, 6), np.nan), "RESET_TARGET_NOT_FINITE"),
    ],
)
def test_wrong_body_pose_is_refused(robot: MujocoRobot, pose: np.ndarray, reason: str):
    with pytest.raises(CommandError) as caught:
        robot.reset(ResetTarget(STRAIGHT, np.zeros(0), pose))
    assert caught.value.reason == reason
