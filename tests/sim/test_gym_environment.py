"""Rewards, ends and columns of the benchmark tasks against Gymnasium itself."""

import builtins
from collections.abc import Iterator
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
import torch

from mbctl.episodes.robot_environment import RobotEnvironment
from mbctl.tasks.gym.gym_task import GymTask
from mbctl.tasks.registry import TASKS, make_task
from sim.environments import make_environment
from sim.gym_environment import GymEnvironment, GymnasiumMissingError, SimulationInvalidError

GYM_TASKS = {n: t for n in TASKS.names() if isinstance(t := make_task(n), GymTask)}
OWN = [name for name in GYM_TASKS if name.startswith("gym/")]
QUICK = ["gym/InvertedPendulum-v5", "gym/Pendulum-v1", "gym/Hopper-v5", "gym/Reacher-v5"]
ENDING = {  # tasks whose episodes random actions bring to an end
    "gym/InvertedPendulum-v5",
    "gym/Hopper-v5",
    "gym/Walker2d-v5",
    "gym/Ant-v5",
    "gym/Humanoid-v5",
}


def task_of(name: str) -> GymTask:
    return GYM_TASKS[name]


def gym_of(task: GymTask) -> Any:
    return gymnasium.make(task.gym_id, **task.options).unwrapped


@pytest.fixture(autouse=True)
def _no_log_file() -> None:
    """Gymnasium on its own leaves MuJoCo's warnings to a file in the working directory."""
    mujoco.set_mju_user_warning(lambda _message: None)


@pytest.fixture(params=QUICK)
def environment(request: pytest.FixtureRequest) -> Iterator[GymEnvironment]:
    made = GymEnvironment(task_of(request.param))
    yield made
    made.close()


def compare_steps(task: GymTask, steps: int, resets: int) -> None:
    """Random steps on both sides of every end: Gymnasium goes on past it when asked."""
    body, rng, unhealthy = gym_of(task), np.random.default_rng(3), 0
    for episode in range(resets):
        observation, info = body.reset(seed=episode)
        physical = task.physical_from_gym(observation, info, None)
        goal = task.goal_from_gym(observation)
        for _ in range(steps):
            applied = task.applied_action(physical, rng.uniform(-1.3, 1.3, len(task.robot.joints)))
            told = body.step(task.action_limit * applied)
            observation, reward, terminated, truncated, info = told
            physical = task.physical_from_gym(observation, info, physical)
            mine = task.reward(physical, goal) - task.action_cost(applied)
            assert mine == pytest.approx(reward, rel=1e-6, abs=1e-6)
            assert bool(task.terminated(physical)) == terminated
            assert not truncated
            unhealthy += terminated
            alike = torch.from_numpy(physical), torch.from_numpy(goal), torch.from_numpy(applied)
            other = task.reward(*alike[:2]) - task.action_cost(alike[2])
            assert float(other) == pytest.approx(float(mine), abs=1e-9)
    body.close()
    assert (unhealthy > 10) == (task.name in ENDING)


@pytest.mark.parametrize("name", OWN)
def test_rewards_and_ends_are_gymnasiums(name):
    compare_steps(task_of(name), 60, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_rewards_and_ends_are_gymnasiums_over_many_steps(name):
    compare_steps(task_of(name), 1000, 5)


def health(name: str, **changed: float) -> tuple[bool, bool]:
    """Whether Gymnasium, and whether the task, holds a state healthy: the rest pose, changed.

    Args:
        changed: entries of qpos, such as `q1`.
    """
    task = task_of(name)
    body = gym_of(task)
    body.reset(seed=0)
    position = body.init_qpos.copy()
    for key, value in changed.items():
        position[int(key[1:])] = value
    body.set_state(position, np.zeros(body.model.nv))
    info = {"x_velocity": 0.0, "reward_contact": 0.0}
    physical = task.physical_from_gym(body._get_obs(), info, np.zeros(0))
    body.close()
    return bool(body.is_healthy), not bool(task.terminated(physical))


@pytest.mark.parametrize(
    ("name", "changed", "expected"),
    [
        ("gym/Hopper-v5", {}, True),
        ("gym/Hopper-v5", {"q1": 0.701}, True),
        ("gym/Hopper-v5", {"q1": 0.699}, False),
        ("gym/Hopper-v5", {"q2": -0.199}, True),
        ("gym/Hopper-v5", {"q2": -0.201}, False),
        ("gym/Hopper-v5", {"q2": 0.201}, False),
        ("gym/Hopper-v5", {"q4": 150.0}, False),
        ("gym/Hopper-v5", {"q4": -150.0}, False),  # which the published ports let live
        ("gym/Walker2d-v5", {}, True),
        ("gym/Walker2d-v5", {"q1": 0.799}, False),
        ("gym/Walker2d-v5", {"q1": 2.001}, False),
        ("gym/Walker2d-v5", {"q1": 1.999, "q2": 0.999}, True),
        ("gym/Walker2d-v5", {"q2": -1.001}, False),
        ("gym/Walker2d-v5", {"q4": -150.0}, True),  # no such bound there
        ("gym/Ant-v5", {"q2": 0.2}, True),
        ("gym/Ant-v5", {"q2": 0.199}, False),
        ("gym/Ant-v5", {"q2": 1.0}, True),
        ("gym/Ant-v5", {"q2": 1.001}, False),
        ("gym/Humanoid-v5", {"q2": 1.0}, False),
        ("gym/Humanoid-v5", {"q2": 1.001}, True),
        ("gym/Humanoid-v5", {"q2": 2.001}, False),
    ],
)
def test_each_limit_of_health_is_gymnasiums(name, changed, expected):
    assert health(name, **changed) == (expected, expected)


@pytest.mark.parametrize("name", GYM_TASKS)
def test_times_actions_and_columns_are_gymnasiums(name):
    task = task_of(name)
    body = gym_of(task)
    assert task.period_s == pytest.approx(body.dt)
    space = body.action_space
    assert space.shape == (len(task.robot.joints),)
    np.testing.assert_allclose(space.high, task.robot.position_max_rad, atol=1e-6)
    np.testing.assert_allclose(space.low, task.robot.position_min_rad, atol=1e-6)
    limit = gymnasium.spec(task.gym_id).max_episode_steps
    assert task.episode_steps == (limit // 2 if task.name == "pal/Hopper" else limit)
    observation, info = body.reset(seed=0)
    physical = task.physical_from_gym(observation, info, None)
    assert physical.shape == (len(task.physical_names),)
    assert physical.dtype == np.float64
    again = task.observation(physical, np.zeros(space.shape), task.goal_from_gym(observation))
    np.testing.assert_allclose(again[: len(observation)], observation, atol=1e-6)
    body.close()


def test_an_environment_of_each_task_steps():
    for task in GYM_TASKS.values():
        made = make_environment(task)
        start = made.reset(np.random.default_rng(0))
        step = made.step(np.zeros(len(task.robot.joints)))
        assert start.goal.shape == (len(task.goal_names),)
        assert step.physical.shape == start.physical.shape
        assert np.isfinite(step.reward)
        made.close()


def test_a_robots_task_gets_its_robot():
    made = make_environment(make_task("dclaw-turn-fixed"))
    assert isinstance(made, RobotEnvironment)
    made.close()


def episode(environment: GymEnvironment, seed: int) -> np.ndarray:
    rng = np.random.default_rng(9)
    states = [environment.reset(np.random.default_rng(seed)).physical]
    for _ in range(20):
        step = environment.step(rng.uniform(-1, 1, len(environment.task.robot.joints)))
        states.append(step.physical)
        if step.terminated:
            break
    return np.stack(states)


def test_an_episode_depends_on_its_seed_alone(environment):
    first = episode(environment, 1)
    other = episode(environment, 2)
    assert not np.array_equal(first[0], other[0])
    assert np.array_equal(episode(environment, 1), first)
    fresh = GymEnvironment(environment.task)
    assert np.array_equal(episode(fresh, 1), first)
    fresh.close()


def test_actions_are_clipped_and_judged_as_applied():
    task = task_of("gym/Pendulum-v1")
    made = GymEnvironment(task)
    start = made.reset(np.random.default_rng(4))
    step = made.step(np.array([-3.0]))
    assert step.applied == pytest.approx([-1.0])
    np.testing.assert_allclose(step.physical, task.step(start.physical, step.applied), atol=1e-6)
    assert step.reward == pytest.approx(float(task.reward(step.physical, start.goal)) - 0.004)
    made.close()


def test_a_repeated_action_is_two_steps_and_both_rewards():
    task = task_of("pal/Hopper")
    twice, once = GymEnvironment(task), GymEnvironment(task_of("gym/Hopper-v5"))
    start = twice.reset(np.random.default_rng(6))
    other = once.reset(np.random.default_rng(6))
    assert np.array_equal(start.physical, other.physical)
    rng = np.random.default_rng(0)
    for _ in range(8):
        action = rng.uniform(-1.2, 1.2, 3)
        both, first, second = twice.step(action), once.step(action), once.step(action)
        assert not second.terminated
        assert both.reward == pytest.approx(first.reward + second.reward, abs=1e-9)
        np.testing.assert_allclose(both.physical[:-1], second.physical[:-1], atol=1e-9)
    twice.close()
    once.close()


def test_an_episode_is_truncated_at_its_time_limit():
    made = GymEnvironment(task_of("gym/Reacher-v5"))
    made.reset(np.random.default_rng(0))
    steps = [made.step(np.zeros(2)) for _ in range(50)]
    assert [s.truncated for s in steps] == [False] * 49 + [True]
    with pytest.raises(ValueError, match="call reset first"):
        made.step(np.zeros(2))
    made.close()


def test_a_pole_that_falls_ends_the_episode():
    made = GymEnvironment(task_of("gym/InvertedPendulum-v5"))
    made.reset(np.random.default_rng(0))
    rewards = []
    while True:
        step = made.step(np.array([1.0]))
        rewards.append(step.reward)
        if step.terminated:
            break
    assert rewards == [1.0] * (len(rewards) - 1) + [0.0]
    assert not step.truncated
    made.close()


def test_diverged_physics_are_an_error_until_the_next_reset():
    made = GymEnvironment(task_of("gym/Hopper-v5"))
    made.reset(np.random.default_rng(0))
    made._gym.data.qvel[:] = 1e20
    with pytest.raises(SimulationInvalidError, match="gym/Hopper-v5: MuJoCo raised mjWARN_BAD"):
        made.step(np.zeros(3))
    made.reset(np.random.default_rng(0))
    assert np.isfinite(made.step(np.zeros(3)).physical).all()
    made.close()


def test_without_gymnasium_the_error_says_how_to_install_it(monkeypatch):
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "gymnasium":
            raise ImportError("No module named 'gymnasium'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(
        GymnasiumMissingError, match=r"No module named.*pip install 'mbctl\[bench\]"
    ):
        GymEnvironment(task_of("gym/Hopper-v5"))
