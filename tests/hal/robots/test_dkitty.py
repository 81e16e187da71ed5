"""D'Kitty's reset against the simulated D'Kitty, whose legs reach no further than its stops."""

# pyright: reportAttributeAccessIssue=false

import mujoco
import numpy as np
import pytest

from hal.errors import RobotWriteError
from hal.reset import ramp_towards
from hal.robots.dkitty import (
    ATTEMPTS_MAX,
    DKITTY,
    FLAT,
    STAND,
    TUCK,
    UPRIGHT_AT_START_MIN,
    DKittyReset,
    flip,
)
from hal.robots.registry import servo_layout
from hal.types import ResetTarget, Vector
from sim.scene import Scene, build_scene
from tests.hal.robots.kitty_body import PERIOD_NS, STALL_NM, Body

CROUCH = np.array([0.0, np.pi / 4, -np.pi / 2] * 4)
# Within the ranges that a task draws from, yet nothing to stand on, however stiff the legs are.
TIPS_OVER = np.array(
    [
        [0, 0.4, -1.5, -0.3, 1.3, -0.1, 0.2, 1.2, -0.7, 0.2, 1.3, -1.5],
        [0.2, 0.8, 0.0, -0.2, 1.0, -1.2, 0.3, 0.3, -0.3, -0.1, 1.4, -1.0],
    ]
)
HALF = np.sqrt(0.5)
STARTS = {  # quaternion of the torso
    "on its feet": [1.0, 0, 0, 0],
    "upside down": [0.0, 0, 1, 0],
    "on its left side": [HALF, 0, -HALF, 0],
    "on its right side": [HALF, 0, HALF, 0],
    "on its nose": [HALF, -HALF, 0, 0],
    "on its tail": [HALF, HALF, 0, 0],
}


def reset_to(legs: Vector) -> DKittyReset:
    return DKittyReset(DKITTY, ResetTarget(legs, np.zeros(0), np.zeros((1, 6))))


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build_scene(DKITTY)


@pytest.fixture
def body(scene: Scene) -> Body:
    return Body(scene)


@pytest.mark.parametrize("start", STARTS)
def test_it_gets_up_from(body: Body, start: str):
    body.drop(STARTS[start], np.zeros(12))
    reset = reset_to(STAND)
    assert body.run(reset)
    assert reset.is_standing
    assert body.uprightness > 0.99
    assert body.read().body_pose[0, 2] == pytest.approx(0.0, abs=0.01)
    assert np.abs(body.read().joint_position_rad).max() < 0.1


def test_no_target_runs_ahead_or_leaves_the_travel_of_its_servo(body: Body):
    body.drop(STARTS["upside down"], np.zeros(12))
    start = body.read().joint_position_rad
    assert body.run(reset_to(STAND))
    sent = np.array([start, *body.sent])
    assert np.abs(np.diff(sent, axis=0)).max() <= DKITTY.velocity_max_rad_s.max() * 0.1
    for joint, servo in enumerate(servo_layout("dkitty").joints):
        assert servo.travel_min_rad <= sent[:, joint].min()
        assert sent[:, joint].max() <= servo.travel_max_rad


def test_a_blocked_leg_takes_less_than_would_overload_its_servo(body: Body):
    """A stiff servo half a rad from its target takes all the voltage there is."""
    body.drop(STARTS["on its feet"], STAND)
    reset = reset_to(CROUCH)
    held = body.data.qpos.copy()
    blocked: list[float] = []
    for _ in range(30):
        targets = reset.step(body.read(), body.now_ns)
        if targets is None:
            break
        body.move(targets)
        body.data.qpos[:], body.data.qvel[:] = held, 0.0  # somebody holds all of it
        mujoco.mj_forward(body.model, body.data)
        blocked.append(float(np.abs(body.data.actuator_force).max()))
    assert 0.5 * STALL_NM < max(blocked) < 0.75 * STALL_NM


def test_poses_stay_inside_the_stops_of_the_simulated_joints(body: Body):
    low, high = body.model.actuator_ctrlrange[body.scene.actuators].T
    for pose in (FLAT, TUCK, STAND, *flip(is_over_left=True), *flip(is_over_left=False)):
        assert (low < pose).all()
        assert (pose < high).all()


def test_a_robot_on_its_feet_goes_to_its_start_at_once(body: Body):
    body.drop(STARTS["on its feet"], CROUCH)
    assert body.run(reset_to(CROUCH))
    assert len(body.sent) < 60
    assert body.uprightness > 0.9
    assert body.read().joint_position_rad == pytest.approx(CROUCH, abs=0.1)  # servos sag


@pytest.mark.parametrize("legs", TIPS_OVER)
def test_legs_that_tip_it_over_are_bent_less(body: Body, legs: Vector):
    body.drop(STARTS["on its feet"], STAND)
    assert body.run(reset_to(legs))
    assert body.uprightness >= UPRIGHT_AT_START_MIN
    share = body.sent[-1] @ legs / (legs @ legs)
    assert 0.0 < share < 0.5
    assert body.sent[-1] == pytest.approx(share * legs, abs=0.02)


def test_it_flips_over_the_other_edge_too(body: Body):
    body.drop(STARTS["upside down"], np.zeros(12))
    for goal in (FLAT, *flip(is_over_left=False), FLAT):
        reference = body.read().joint_position_rad
        for _ in range(45):
            reference = ramp_towards(reference, goal, 0.2)
            body.move(reference)
    assert body.uprightness > 0.9


def move_in_the_air(body: Body, reset: DKittyReset, tilt_rad: float, stuck: int | None) -> None:
    """Someone holds the torso: legs go where they are told, all but one that is stuck."""
    torso = np.array([[0.0, 0.0, 0.0, tilt_rad, 0.0, 0.0]])
    legs = np.zeros(12)
    for _ in range(5000):
        if stuck is not None:
            legs[stuck] = 1.0
        legs = reset.step(body.read(joint_position_rad=legs, body_pose=torso), body.now_ns)
        if legs is None:
            return
        body.sent.append(legs)
        body.now_ns += PERIOD_NS


def test_a_robot_held_upside_down_is_given_up_with_a_reason(body: Body):
    reset = reset_to(STAND)
    with pytest.raises(RobotWriteError, match=r"180 degrees off upright.*by hand") as caught:
        move_in_the_air(body, reset, tilt_rad=np.pi, stuck=None)
    assert caught.value.reason == "RESET_FAILED"
    for is_over_left in (True, False):  # it tried both edges
        push = next(flip(is_over_left))
        assert np.abs(np.array(body.sent) - push).max(axis=1).min() < 1e-9
    with pytest.raises(RobotWriteError):  # and is not done when asked once more
        move_in_the_air(body, reset, tilt_rad=np.pi, stuck=None)


def test_a_joint_that_does_not_follow_is_named(body: Body):
    reset = reset_to(STAND)
    with pytest.raises(RobotWriteError, match="A:BLJ31 by 57 degrees") as caught:
        move_in_the_air(body, reset, tilt_rad=0.0, stuck=7)
    assert caught.value.reason == "RESET_FAILED"
    assert f"after {ATTEMPTS_MAX} attempts" in str(caught.value)


def test_out_of_sight_it_holds_still_and_then_gives_up(body: Body):
    body.drop(STARTS["upside down"], np.zeros(12))
    reset = reset_to(STAND)
    for _ in range(8):
        body.move(reset.step(body.read(), body.now_ns))
    unseen = np.zeros(1, dtype=np.bool_)
    held = reset.step(body.read(body_valid=unseen), body.now_ns)
    for _ in range(19):
        body.move(reset.step(body.read(body_valid=unseen), body.now_ns))
        assert np.array_equal(body.sent[-1], held)
    body.now_ns += PERIOD_NS * 2
    with pytest.raises(RobotWriteError, match="tracker in view") as caught:
        reset.step(body.read(body_valid=unseen), body.now_ns)
    assert caught.value.reason == "RESET_FAILED"


def test_sight_that_comes_back_lets_it_go_on(body: Body):
    body.drop(STARTS["upside down"], np.zeros(12))
    reset = reset_to(STAND)
    mute = np.arange(12) != 4
    for step in range(60):
        state = body.read(valid=mute) if step % 20 > 10 else body.read()
        body.move(reset.step(state, body.now_ns))
    assert body.run(reset)


@pytest.mark.parametrize("seed", range(4))
def test_it_gets_up_from_a_random_fall(body: Body, seed: int):
    _fall_at_random(body, seed)
    assert body.run(reset_to(STAND))
    assert body.uprightness > 0.99


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("friction", [0.4, 1.0])
def test_it_gets_up_from_any_of_forty_falls(scene: Scene, friction: float):
    for seed in range(40):
        body = Body(scene, friction)
        _fall_at_random(body, 100 + seed)
        assert body.run(reset_to(STAND)), f"seed {seed}"
        assert body.uprightness > 0.99, f"seed {seed}"


def _fall_at_random(body: Body, seed: int) -> None:
    """Any orientation, any legs that do not stick in each other from the start."""
    rng = np.random.default_rng(seed)
    quaternion = rng.normal(size=4)
    low, high = body.model.actuator_ctrlrange[body.scene.actuators].T
    legs = rng.uniform(low, high)
    while body.touches_itself(legs):
        legs = rng.uniform(low, high)
    body.drop(quaternion / np.linalg.norm(quaternion), legs)


def test_a_leg_that_does_not_come_to_the_start_is_an_error_with_the_distance_left(body: Body):
    """It stands, and one hip does not follow from there: no episode may begin like that."""
    body.drop(STARTS["on its feet"], STAND)
    wide = np.array([-0.45, 0.6, -1.2, 0.45, 0.6, -1.2] * 2)
    reset = reset_to(wide)
    stiff = body.scene.joint_qpos[1]

    def run_to_its_end() -> None:
        while (targets := reset.step(body.read(), body.now_ns)) is not None:
            if reset.is_standing:
                targets[1] = 0.0  # the thigh stays straight whatever it is told
                body.data.qpos[stiff] = 0.0
            body.move(targets)

    with pytest.raises(RobotWriteError) as caught:
        run_to_its_end()
    assert caught.value.reason == "RESET_FAILED"
    assert "A:FRJ11 by " in str(caught.value)
