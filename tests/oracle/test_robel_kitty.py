"""Our D'Kitty tasks against ROBEL's own classes: same actions, same observations and rewards."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hal.clock import ManualClock
from hal.limits import action_to_target
from hal.robots.dkitty import DKITTY
from hal.types import JointCommand, ResetTarget
from mbctl.tasks.dkitty_physical import from_measured
from mbctl.tasks.registry import make_task
from sim.robot import MujocoRobot

TASKS = ("StandFixed", "StandRandom", "OrientFixed", "OrientRandom", "WalkFixed", "WalkRandom")
EPISODES, STEPS = 3, 20
LEGS = slice(6, 18)


@pytest.fixture(scope="module", params=TASKS)
def said(request: pytest.FixtureRequest, robel_copy: Path) -> dict[str, np.ndarray]:
    """What ROBEL's environment said, state after state."""
    task = request.param
    rng = np.random.default_rng(7)
    # Held for some steps and near standing, so that some robots fall and some do not.
    actions = np.repeat(rng.normal(size=(EPISODES, STEPS // 4, 12)), 4, axis=1) * 0.5
    actions += np.array([0.2, -0.8, 0.8] * 4)
    np.save(robel_copy / f"{task}.npy", actions)
    program = Path(__file__).with_name("robel_kitty.py")
    subprocess.run(
        [sys.executable, str(program), str(robel_copy), task, f"{task}.npy", f"{task}.npz"],
        cwd=robel_copy,
        check=True,
        timeout=300,
        env={**os.environ, "MUJOCO_GL": "disabled"},
    )
    with np.load(robel_copy / f"{task}.npz") as found:
        return {"task": np.array(task), **{name: found[name] for name in found.files}}


def our_name(said: dict[str, np.ndarray]) -> str:
    name = str(said["task"])
    kind = next(k for k in ("Stand", "Orient", "Walk") if name.startswith(k))
    return f"dkitty-{kind.lower()}-{name.removeprefix(kind).lower()}"


def episodes(said: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Indices of the states of each episode."""
    return [np.flatnonzero(said["episode"] == number) for number in range(EPISODES)]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_observations_rewards_success_and_falls_agree(said: dict[str, np.ndarray]):
    task = make_task(our_name(said), "robel")
    for states in episodes(said):
        last = np.zeros(12)
        for k, after in zip(states, [*states[1:], None], strict=True):
            position, velocity = said["position"][k], said["velocity"][k]
            physical = from_measured(position[:6], velocity[:6], position[LEGS], velocity[LEGS])
            goal = said["goal"][k]
            observation = task.observation(physical, last, goal)
            np.testing.assert_allclose(observation, said["observation"][k], atol=1e-5)
            if k != states[0]:
                before = k - 1
                assert task.reward(physical, goal) == pytest.approx(
                    said["reward"][before], abs=1e-4
                )
                assert bool(task.terminated(physical)) == bool(said["done"][before])
                assert bool(task.success(physical, goal)) == bool(said["success"][before])
            if after is not None:
                last = np.clip(said["action"][k], -1, 1)
    assert len(said["episode"]) > EPISODES * 3


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_they_agree_near_the_goal(said: dict[str, np.ndarray]):
    task = make_task(our_name(said), "robel")
    for k, goal in enumerate(said["placed_goal"]):
        position, velocity = said["placed_position"][k], said["placed_velocity"][k]
        physical = from_measured(position[:6], velocity[:6], position[LEGS], velocity[LEGS])
        observation = task.observation(physical, np.zeros(12), goal)
        np.testing.assert_allclose(observation, said["placed_observation"][k], atol=1e-5)
        assert task.reward(physical, goal) == pytest.approx(said["placed_reward"][k], abs=1e-4)
        assert bool(task.terminated(physical)) == bool(said["placed_done"][k])
        assert bool(task.success(physical, goal)) == bool(said["placed_success"][k])
    assert 5 < said["placed_success"].sum() < len(said["placed_success"]) - 5
    if "stand" not in task.name:
        assert 5 < said["placed_done"].sum() < len(said["placed_done"]) - 5


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_simulated_robot_starts_and_moves_alike(said: dict[str, np.ndarray]):
    task = make_task(our_name(said), "robel")
    rng = np.random.default_rng(0)
    with MujocoRobot("dkitty", task.period_s, ManualClock()) as robot:
        robot.configure()
        robot.activate()
        for states in episodes(said):
            if "stand-random" in task.name:
                continue  # what it started from before it settled is not told
            start = task.sample_start(rng)
            pose = start.body_pose.copy()
            if "orient" in task.name:
                pose[0, 5] = said["position"][states[0]][5]
            robot.reset(ResetTarget(start.joint_position_rad, np.zeros(0), pose, start.settle_s))
            for k in states[:8]:
                state = robot.read()
                np.testing.assert_allclose(state.body_pose[0], said["position"][k][:6], atol=0.01)
                np.testing.assert_allclose(
                    state.joint_position_rad, said["position"][k][LEGS], atol=0.01
                )
                if k == states[-1]:
                    break
                physical = task.physical_from_state(state)
                applied = task.applied_action(physical, np.clip(said["action"][k], -1, 1))
                target = action_to_target(applied, DKITTY.position_min_rad, DKITTY.position_max_rad)
                robot.write(JointCommand(target))
