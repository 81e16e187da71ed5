"""D'Claw Turn: its numbers, its round trips, the same values from NumPy and torch."""

import math

import numpy as np
import pytest
import torch

from hal.robots.dclaw import DCLAW
from mbctl.tasks.dclaw import DClawTask
from mbctl.tasks.registry import UnknownTaskError, make_task
from mbctl.tasks.task import Task

HOME = np.array(DCLAW.home_position_rad)


@pytest.fixture(params=DClawTask.observations)
def task(request: pytest.FixtureRequest) -> Task:
    return make_task("dclaw-turn-random", request.param)


def draw(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    physical = rng.normal(size=(rows, 20))
    return physical, rng.uniform(-1, 1, size=(rows, 9)), rng.uniform(-math.pi, math.pi, (rows, 1))


def at(angle: float, claw: np.ndarray = HOME, velocity: float = 0.0) -> np.ndarray:
    return np.concatenate([claw, np.full(9, velocity), [angle, 0.0]])


def test_columns_match_their_names(task):
    physical, action, goal = draw(np.random.default_rng(0), 3)
    assert physical.shape[1] == len(task.physical_names)
    assert task.observation(physical, action, goal).shape == (3, len(task.observation_names))
    assert len(set(task.observation_names)) == len(task.observation_names)


def test_numpy_and_torch_agree(task):
    physical, action, goal = draw(np.random.default_rng(1), 50)
    torched = [torch.from_numpy(x) for x in (physical, action, goal)]
    pairs = [
        (task.observation(physical, action, goal), task.observation(*torched)),
        (task.reward(physical, goal), task.reward(torched[0], torched[2])),
        (task.objective(physical, goal), task.objective(torched[0], torched[2])),
        (task.success(physical, goal), task.success(torched[0], torched[2])),
        (task.terminated(physical), task.terminated(torched[0])),
        (task.applied_action(physical, action), task.applied_action(torched[0], torched[1])),
        (
            task.dynamics_inputs(physical, action, True),
            task.dynamics_inputs(torched[0], torched[1], True),
        ),
    ]
    for mine, other in pairs:
        np.testing.assert_allclose(mine, other.numpy(), atol=1e-12)


def test_parts_come_back_from_an_observation(task):
    physical, action, goal = draw(np.random.default_rng(2), 50)
    observation = task.observation(physical, action, goal)
    back = task.physical(observation)
    tells_action = any(name.endswith("last_action") for name in task.observation_names)
    np.testing.assert_allclose(task.last_action(observation), action * tells_action)
    np.testing.assert_allclose(back[:, :9], physical[:, :9])
    np.testing.assert_allclose(np.cos(back[:, 18] - physical[:, 18]), 1.0)
    again = task.observation(physical, action, task.goal(observation))
    np.testing.assert_allclose(again, observation, atol=1e-9)


@pytest.mark.parametrize(
    ("angle", "expected"),
    [(math.pi, 60.0), (math.pi - 0.2, 10.0 - 1.0), (0.5, -5.0 * (math.pi - 0.5))],
)
def test_reward_at_home_pose(angle, expected):
    task = make_task("dclaw-turn-fixed")
    reward = task.reward(at(angle), np.array([math.pi]))
    assert reward == pytest.approx(expected)


def test_pose_and_velocity_cost_are_left_out_of_the_objective():
    task = make_task("dclaw-turn-fixed")
    goal = np.array([math.pi])
    moved = at(math.pi, HOME + 0.1, velocity=0.6)
    assert task.reward(moved, goal) == pytest.approx(60 - 0.3 - 1.8)
    assert task.objective(moved, goal) == pytest.approx(60.0)
    slow = at(math.pi, velocity=0.49)
    assert task.reward(slow, goal) == pytest.approx(60.0)


def test_error_goes_the_short_way_round():
    task = make_task("dclaw-turn-random")
    assert task.success(at(-math.pi + 0.05), np.array([math.pi - 0.04]))
    assert not task.success(at(-math.pi + 0.05), np.array([math.pi - 0.06]))
    full_turn = task.physical_difference(at(3.1), at(-3.1))
    assert full_turn[18] == pytest.approx(6.2 - 2 * math.pi)


def test_starts_and_goals_cover_their_ranges():
    rng = np.random.default_rng(3)
    task = make_task("dclaw-turn-random")
    starts = np.array([task.sample_start(rng).object_position_rad[0] for _ in range(2000)])
    goals = np.array([task.sample_goal(rng)[0] for _ in range(2000)]) % (2 * math.pi)
    for values, centre in ((starts, 0.0), (goals, math.pi)):
        assert np.all(np.abs(values - centre) <= math.pi / 3)
        assert np.ptp(values) > 0.98 * 2 * math.pi / 3
    fixed = make_task("dclaw-turn-fixed")
    assert fixed.sample_start(rng).object_position_rad[0] == 0.0
    assert abs(fixed.sample_goal(rng)[0]) == pytest.approx(math.pi)


def test_applied_action_leads_the_joint_by_no_more_than_its_velocity_allows(task):
    physical, action, _ = draw(np.random.default_rng(4), 200)
    physical[:, :9] = np.clip(physical[:, :9], DCLAW.position_min_rad, DCLAW.position_max_rad)
    applied = task.applied_action(physical, 3 * action)
    half_range = (DCLAW.position_max_rad - DCLAW.position_min_rad) / 2
    lead = applied * half_range - physical[:, :9]
    assert np.all(np.abs(lead) <= DCLAW.velocity_max_rad_s * task.period_s + 1e-9)
    assert np.all(np.abs(applied) <= 1 + 1e-9)


def test_reflection_mirrors_what_the_symmetry_mirrors():
    task = make_task("dclaw-turn-random", "paper")
    reflection = task.reflection
    assert reflection is not None
    physical, action, goal = draw(np.random.default_rng(5), 20)
    observation = task.observation(physical, action, goal)
    mirrored, turned = task.transform(physical, action, 3)
    everywhere = np.ones((20, 1), dtype=bool)
    image = reflection.observation(observation, everywhere)
    np.testing.assert_allclose(image, task.observation(mirrored, turned, -goal), atol=1e-9)
    np.testing.assert_allclose(reflection.action(action, everywhere), turned)
    assert np.array_equal(reflection.observation(image, everywhere), observation)
    assert np.array_equal(reflection.flipped(observation), ~reflection.flipped(image))


def test_names_that_do_not_exist_are_refused_with_those_that_do():
    with pytest.raises(UnknownTaskError, match=r"did you mean 'dclaw-turn-random'"):
        make_task("dclaw-turn-randm")
    with pytest.raises(UnknownTaskError, match="one of: default, paper, robel"):
        make_task("dclaw-turn-fixed", "pixels")
