"""Benchmark tasks as pure functions: the same for NumPy and torch, one row and many."""

import math

import numpy as np
import pytest
import torch

from hal.robots.registry import ROBOTS
from mbctl.tasks.gym.gym_task import GymTask, NoRobotError
from mbctl.tasks.registry import TASKS, UnknownTaskError, make_task
from mbctl.tasks.task import Task

NAMES = tuple(name for name in TASKS.names() if isinstance(make_task(name), GymTask))


@pytest.fixture(params=NAMES)
def task(request: pytest.FixtureRequest) -> Task:
    return make_task(request.param)


def draw(task: Task, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    physical = rng.normal(0.5, 0.6, (50, len(task.physical_names)))
    action = rng.uniform(-1, 1, (50, len(task.robot.joints)))
    return physical, action, np.stack([task.sample_goal(rng) for _ in range(50)])


def results(task: Task, physical, action, goal) -> list:
    observation = task.observation(physical, action, goal)
    return [
        observation,
        task.physical(observation),
        task.goal(observation),
        task.last_action(observation),
        task.reward(physical, goal),
        task.objective(physical, goal),
        task.action_cost(action),
        task.terminated(physical),
        task.success(physical, goal),
        task.applied_action(physical, 2 * action),
        task.physical_difference(physical, 0 * physical),
        task.dynamics_inputs(physical, action, True),
    ]


def test_its_sizes_are_consistent(task: Task):
    assert task.robot.model.startswith("gym-")
    assert len(set(task.physical_names)) == len(task.physical_names)
    assert len(set(task.observation_names)) == len(task.observation_names)
    physical, action, goal = draw(task)
    observation = task.observation(physical, action, goal)
    assert observation.shape == (50, len(task.observation_names))
    assert task.physical(observation).shape == physical.shape
    assert task.goal(observation).shape == (50, len(task.goal_names))
    assert task.last_action(observation).shape == action.shape
    for value in results(task, physical, action, goal)[4:9]:
        assert value.shape == (50,)
    assert np.isfinite(task.robot.velocity_max_rad_s).all()


def test_numpy_and_torch_agree_in_their_own_precision(task: Task):
    arrays = draw(task)
    mine = results(task, *arrays)
    theirs = results(task, *(torch.from_numpy(x) for x in arrays))
    single = results(task, *(torch.from_numpy(x).float() for x in arrays))
    for a, b, c in zip(mine, theirs, single, strict=True):
        np.testing.assert_allclose(a, b.numpy(), atol=1e-9)
        assert c.dtype in (torch.float32, torch.bool)


def test_one_row_is_the_same_as_in_a_batch(task: Task):
    arrays = draw(task)
    batch = results(task, *arrays)
    one = results(task, *(x[7] for x in arrays))
    for many, single in zip(batch, one, strict=True):
        np.testing.assert_allclose(many[7], single)


def test_the_physical_part_and_the_goal_come_back(task: Task):
    physical, action, goal = draw(task)
    observation = task.observation(physical, action, goal)
    back = task.physical(observation)
    np.testing.assert_allclose(task.physical_difference(back, physical), 0, atol=1e-9)
    np.testing.assert_allclose(task.goal(observation), goal)
    inside = task.reward(back, goal)
    np.testing.assert_allclose(inside, task.reward(physical, goal), atol=1e-9)


def test_what_is_not_finite_ends_an_episode(task: Task):
    physical, _, _ = draw(task)
    for column, bad in ((0, np.nan), (-1, np.inf), (1, -np.inf)):
        broken = physical.copy()
        broken[:, column] = bad
        assert task.terminated(broken).all()
        assert task.terminated(torch.from_numpy(broken)).all()


def test_acting_costs_its_weight_times_the_square_in_its_own_units(task: Task):
    weights = {
        "InvertedPendulum": 0.0, "Pendulum": 0.004, "Hopper": 1e-3, "HalfCheetah": 0.1,
        "Walker2d": 1e-3, "Ant": 0.5, "Humanoid": 0.1 * 0.4**2, "Swimmer": 1e-4, "Reacher": 1.0,
    }  # fmt: skip
    kind, _, rest = task.name.partition("/")
    weight = {"gym": weights.get(rest.split("-")[0]), "mbbl": 0.1, "pal": 2e-3}[kind]
    assert weight is not None
    count = len(task.robot.joints)
    assert float(task.action_cost(-np.ones(count))) == pytest.approx(weight * count)
    assert float(task.action_cost(np.zeros(count))) == 0.0


def test_no_robot_can_have_it(task: Task):
    assert task.robot.model not in ROBOTS.names()
    with pytest.raises(NoRobotError, match=task.name):
        task.sample_start(np.random.default_rng(0))


def test_names_are_known_and_only_one_observation_is():
    assert set(NAMES) < set(TASKS.names())
    with pytest.raises(UnknownTaskError, match="did you mean 'gym/Hopper-v5'"):
        make_task("gym/Hopper-v4")
    with pytest.raises(UnknownTaskError, match="unknown observation 'paper' for gym/Hopper-v5"):
        make_task("gym/Hopper-v5", "paper")


def test_an_imagined_hopper_ends_on_either_side_of_its_bounds():
    task = make_task("gym/Hopper-v5")
    healthy = np.array([1.25, *([0.0] * 11)])
    assert not task.terminated(healthy)
    assert float(task.reward(healthy, np.zeros(0))) == 1.0
    for column in range(1, 11):
        for value in (-150.0, 150.0):
            state = healthy.copy()
            state[column] = value
            assert task.terminated(state)
            assert float(task.reward(state, np.zeros(0))) == 0.0
    fast = healthy.copy()
    fast[11] = 150.0  # the mean velocity is no part of the state
    assert not task.terminated(fast)
    assert float(task.reward(fast, np.zeros(0))) == 151.0


def test_mbbl_rewards_in_closed_form():
    hopper, cheetah = make_task("mbbl/Hopper"), make_task("mbbl/HalfCheetah")
    ant, walker = make_task("mbbl/Ant"), make_task("mbbl/Walker2d")
    none = np.zeros(0)

    def at(task: Task, height: float, speed: float) -> np.ndarray:
        state = np.zeros(len(task.physical_names))
        state[0], state[task.physical_names.index("x_rate")] = height, speed
        return state

    assert float(hopper.reward(at(hopper, 1.1, 2.0), none)) == pytest.approx(2 - 3 * 0.04 + 1)
    assert float(walker.reward(at(walker, 1.5, -1.0), none)) == pytest.approx(-1 - 0.12 + 1)
    assert float(ant.reward(at(ant, 0.57, 0.5), none)) == pytest.approx(1.5)
    assert float(cheetah.reward(at(cheetah, 0.3, 4.0), none)) == pytest.approx(4.0)
    for task in (hopper, cheetah, ant, walker):
        assert not task.terminated(at(task, -5.0, 0.0))


def test_reacher_is_rewarded_for_the_distance_to_its_target():
    task = make_task("gym/Reacher-v5")
    physical = np.array([0.3, -0.2, 1.0, 2.0, 0.1, 0.05])
    reward = task.reward(physical, np.array([0.07, 0.01]))
    assert float(reward) == pytest.approx(-math.hypot(0.03, 0.04))
    goals = np.stack([task.sample_goal(np.random.default_rng(k)) for k in range(200)])
    assert np.hypot(*goals.T).max() < 0.2
    assert np.hypot(*goals.T).mean() == pytest.approx(0.2 * 2 / 3, abs=0.01)
