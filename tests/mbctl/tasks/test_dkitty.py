"""D'Kitty's tasks: their numbers, their round trips, the same values from NumPy and torch."""

import math

import numpy as np
import pytest
import torch

from hal.robots.dkitty import DKITTY
from hal.types import RobotState
from mbctl.tasks.dkitty import DKittyTask
from mbctl.tasks.dkitty_physical import bearing
from mbctl.tasks.registry import TASKS, UnknownTaskError, make_task
from mbctl.tasks.task import Task

KITTY_TASKS = tuple(name for name in TASKS.names() if name.startswith("dkitty"))


@pytest.fixture(params=[(n, o) for n in KITTY_TASKS for o in DKittyTask.observations], ids="-".join)
def task(request: pytest.FixtureRequest) -> Task:
    return make_task(*request.param)


def draw(task: Task, rows: int = 50, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Physical states, actions and goals as they may well occur."""
    rng = np.random.default_rng(seed)
    physical = rng.normal(size=(rows, 36))
    physical[:, :5] *= 0.3
    physical[:, 5] = rng.uniform(-math.pi, math.pi, rows)
    goals = np.stack([task.sample_goal(rng) for _ in range(rows)])
    return physical, rng.uniform(-1, 1, size=(rows, 12)), goals


def at(**columns: float) -> np.ndarray:
    """A physical state that stands still at the centre but for these columns."""
    physical = np.zeros(36)
    for name, value in columns.items():
        where = {"x": 0, "y": 1, "z": 2, "pitch": 3, "roll": 4, "heading": 5}.get(name)
        physical[slice(6, 18) if where is None else where] = value
    return physical


def test_there_are_fixed_and_random_ones_of_three():
    assert len(KITTY_TASKS) == 6
    for name in KITTY_TASKS:
        task = make_task(name)
        assert task.name == name
        assert task.robot is DKITTY
        assert task.period_s == 0.1
        assert task.episode_steps == (160 if "walk" in name else 80)


def test_columns_match_their_names(task: Task):
    physical, action, goal = draw(task)
    assert physical.shape[1] == len(task.physical_names)
    assert goal.shape[1] == len(task.goal_names)
    assert task.observation(physical, action, goal).shape == (50, len(task.observation_names))
    assert len(set(task.observation_names)) == len(task.observation_names)
    benchmark = {"stand": 61, "orient": 53, "walk": 52}[task.name.split("-")[1]]
    if "root_x_m" in task.observation_names:
        assert len(task.observation_names) == benchmark


def test_numpy_and_torch_agree(task: Task):
    physical, action, goal = draw(task, seed=1)
    p, a, g = (torch.from_numpy(x) for x in (physical, action, goal))
    pairs = [
        (task.observation(physical, action, goal), task.observation(p, a, g)),
        (task.reward(physical, goal), task.reward(p, g)),
        (task.objective(physical, goal), task.objective(p, g)),
        (task.success(physical, goal), task.success(p, g)),
        (task.terminated(physical), task.terminated(p)),
        (task.applied_action(physical, action), task.applied_action(p, a)),
        (task.dynamics_inputs(physical, action, True), task.dynamics_inputs(p, a, True)),
        (task.dynamics_inputs(physical, action, False), task.dynamics_inputs(p, a, False)),
        (task.transform(physical, action, 5)[0], task.transform(p, a, 5)[0]),
    ]
    for mine, other in pairs:
        np.testing.assert_allclose(mine, other.numpy(), atol=1e-9)
        assert mine.shape == other.shape


def test_single_precision_stays_single(task: Task):
    physical, action, goal = (torch.from_numpy(x).float() for x in draw(task))
    for value in (
        task.observation(physical, action, goal),
        task.reward(physical, goal),
        task.applied_action(physical, action),
        task.dynamics_inputs(physical, action, True),
        task.physical_difference(physical, physical),
        *task.transform(physical, action, 7),
    ):
        assert value.dtype == torch.float32


def test_one_row_is_the_same_as_in_a_batch(task: Task):
    physical, action, goal = draw(task)
    batch = task.observation(physical, action, goal)
    np.testing.assert_allclose(task.observation(physical[7], action[7], goal[7]), batch[7])
    assert task.reward(physical[7], goal[7]) == pytest.approx(task.reward(physical, goal)[7])
    assert bool(task.terminated(physical[7])) == bool(task.terminated(physical)[7])


def test_parts_come_back_from_an_observation(task: Task):
    physical, action, goal = draw(task, seed=2)
    observation = task.observation(physical, action, goal)
    back = task.physical(observation)
    np.testing.assert_allclose(task.physical_difference(back, physical), 0.0, atol=1e-9)
    np.testing.assert_allclose(task.last_action(observation), action)
    inside = np.hypot(physical[:, 0], physical[:, 1]) < 1.0
    if "goal_x_m" in task.goal_names:
        np.testing.assert_allclose(task.goal(observation)[inside], goal[inside], atol=1e-9)
    again = task.observation(back, action, task.goal(observation))
    np.testing.assert_allclose(again[inside], observation[inside], atol=1e-9)


def test_a_goal_out_of_reach_of_the_circle_still_gives_the_same_direction():
    task = make_task("dkitty-orient-random", "paper")
    physical, goal = at(x=-2.0, y=0.4), np.array([0.0, -1.0])
    back = task.goal(task.observation(physical, np.zeros(12), goal))
    assert bearing(physical, back) == pytest.approx(bearing(physical, goal))


@pytest.mark.parametrize(
    ("name", "state", "goal", "expected", "is_success"),
    [
        ("stand", at(), [], 2 + 5 + 10, True),
        ("stand", at(x=3.0, y=4.0, z=-0.1), [], 17 - 2 * 5, True),
        ("stand", at(legs=0.3), [], 2 - 1.2 + 5, False),
        ("stand", at(roll=2.0), [], 2 * math.cos(2) - 100 + 5 * math.cos(2), False),
        ("orient", at(), [0, 1], 2 + 10 + 10, True),
        ("orient", at(heading=math.pi), [0, -1], 2 + 10 + 10, True),
        ("orient", at(heading=0.2), [0, 1], 2 - 0.8 + 10, False),
        ("orient", at(), [0, -1], 2 - 4 * math.pi + 5, False),
        ("orient", at(y=-0.5), [0, 1], 22 - 2, True),
        ("walk", at(), [0, 2], 1 - 8 + 2 + 5, False),
        ("walk", at(y=1.8), [0, 2], 1 - 0.8 + 2 + 10 + 10, True),
        ("walk", at(heading=math.pi, y=1.9), [0, 2], 1 - 0.4 - 38 + 5, False),
    ],
)
def test_reward_and_success(name, state, goal, expected, is_success):
    task = make_task(f"dkitty-{name}-random")
    assert task.reward(state, np.array(goal)) == pytest.approx(expected)
    assert bool(task.success(state, np.array(goal))) is is_success


def test_quirks_of_the_benchmark_come_with_its_own_observation():
    stand = [make_task("dkitty-stand-random", kind) for kind in ("paper", "robel")]
    lifted = at(z=-0.1)
    assert [t.reward(lifted, np.zeros(0)) for t in stand] == pytest.approx([17.0, 16.8])
    for name, goal in (("orient", [0, 1]), ("walk", [0, 0.4])):
        corrected, quirky = (make_task(f"dkitty-{name}-fixed", kind) for kind in ("paper", "robel"))
        difference = corrected.reward(at(), np.array(goal)) - quirky.reward(at(), np.array(goal))
        assert difference == pytest.approx(5.0)
    rng = np.random.default_rng(0)
    lowest = [min(t.sample_start(rng).joint_position_rad.min() for _ in range(200)) for t in stand]
    assert lowest[0] >= -math.pi / 2 > lowest[1]


def test_falling_ends_the_episode_and_costs(task: Task):
    threshold = 0.0 if "stand" in task.name else 0.9
    goal = task.sample_goal(np.random.default_rng(0))
    limit = math.acos(threshold)
    upright, fallen = at(roll=limit - 0.01), at(roll=limit + 0.01)
    assert not task.terminated(upright)
    assert task.terminated(fallen)
    cost = 100.0 if "stand" in task.name else 500.0
    assert task.reward(upright, goal) - task.reward(fallen, goal) > 0.95 * cost
    assert task.terminated(np.full(36, np.nan))


def test_starts_and_goals_cover_their_ranges():
    rng = np.random.default_rng(3)
    orient = make_task("dkitty-orient-random")
    starts = np.array([orient.sample_start(rng).body_pose[0] for _ in range(2000)])
    assert not starts[:, :5].any()
    goals = np.array([orient.sample_goal(rng) for _ in range(2000)])
    np.testing.assert_allclose(np.hypot(*goals.T), 1.0)
    away = np.arctan2(goals[:, 0], -goals[:, 1])
    for angles in (starts[:, 5], away):
        assert np.abs(angles).max() <= math.pi / 3 + 1e-9
        assert np.ptp(angles) > 0.98 * 2 * math.pi / 3
    goals = np.array([make_task("dkitty-walk-random").sample_goal(rng) for _ in range(2000)])
    far, aside = np.hypot(*goals.T), np.arctan2(goals[:, 0], goals[:, 1])
    assert far.min() > 1.0
    assert far.max() < 2.0
    assert np.abs(aside).max() <= math.pi / 3
    legs = make_task("dkitty-stand-random").sample_start(rng).joint_position_rad
    assert len(set(legs)) == 12


def test_the_fixed_ones_are_always_the_same():
    rng = np.random.default_rng(4)
    goals = {"stand": [], "orient": [0.0, -1.0], "walk": [0.0, 2.0]}
    for name, goal in goals.items():
        task = make_task(f"dkitty-{name}-fixed")
        np.testing.assert_allclose(task.sample_goal(rng), goal, atol=1e-12)
        start = task.sample_start(rng)
        assert not start.body_pose.any()
        crouch = [0.0, math.pi / 4, -math.pi / 2] if name == "stand" else [0.0] * 3
        np.testing.assert_allclose(start.joint_position_rad, crouch * 4)


def test_the_physical_part_of_a_measurement_is_seen_along_the_heading():
    task = make_task("dkitty-walk-fixed")
    pose = np.array([[1.0, 2.0, 0.1, 0.0, 0.0, math.pi / 2]])
    velocity = np.array([[-0.5, 0.0, 0.2, 0.3, 0.0, 0.4]])
    nan = np.full(12, np.nan)
    still = np.zeros(12)
    state = RobotState(
        1, 1, np.arange(12.0), still, nan, nan, np.zeros(0), np.zeros(0), still == 0,
        pose, velocity, np.array([True]),
    )  # fmt: skip
    physical = dict(zip(task.physical_names, task.physical_from_state(state), strict=True))
    assert physical["torso_forward_m_s"] == pytest.approx(0.5)
    assert physical["torso_right_m_s"] == pytest.approx(0.0)
    assert physical["torso_roll_rad_s"] == pytest.approx(-0.3)
    assert physical["torso_turn_rad_s"] == pytest.approx(0.4)
    assert physical["A:BLJ30_position_rad"] == 6.0


def test_headings_differ_the_short_way_round(task: Task):
    turned = task.physical_difference(at(heading=3.1), at(heading=-3.1))
    assert turned[5] == pytest.approx(6.2 - 2 * math.pi)


def test_applied_action_leads_the_joint_by_no_more_than_its_velocity_allows(task: Task):
    physical, action, _ = draw(task, seed=5)
    legs = np.clip(physical[:, 6:18], DKITTY.position_min_rad, DKITTY.position_max_rad)
    physical[:, 6:18] = legs
    applied = task.applied_action(physical, 3 * action)
    half_range = (DKITTY.position_max_rad - DKITTY.position_min_rad) / 2
    centre = (DKITTY.position_max_rad + DKITTY.position_min_rad) / 2
    lead = centre + applied * half_range - legs
    assert np.all(np.abs(lead) <= DKITTY.velocity_max_rad_s * task.period_s + 1e-9)
    assert np.all(np.abs(applied) <= 1 + 1e-9)


def test_dynamics_inputs_do_not_tell_where_the_robot_is(task: Task):
    physical, action, _ = draw(task)
    moved = physical.copy()
    moved[:, :2] += 5.0
    for kinematic in (False, True):
        np.testing.assert_array_equal(
            task.dynamics_inputs(physical, action, kinematic),
            task.dynamics_inputs(moved, action, kinematic),
        )


@pytest.mark.parametrize("name", ["dkitty-orient-random", "dkitty-walk-random"])
def test_reflection_mirrors_what_the_symmetry_mirrors(name: str):
    task = make_task(name)
    reflection = task.reflection
    assert reflection is not None
    physical, action, goal = draw(task, seed=6)
    observation = task.observation(physical, action, goal)
    mirrored, turned = task.transform(physical, action, 4)
    everywhere = np.ones((50, 1), dtype=bool)
    image = reflection.observation(observation, everywhere)
    expected = task.observation(mirrored, turned, goal * [-1.0, 1.0])
    np.testing.assert_allclose(image, expected, atol=1e-9)
    np.testing.assert_allclose(reflection.action(action, everywhere), turned)
    np.testing.assert_array_equal(reflection.observation(image, everywhere), observation)
    assert np.array_equal(reflection.flipped(observation), ~reflection.flipped(image))
    np.testing.assert_allclose(
        task.reward(mirrored, goal * [-1.0, 1.0]), task.reward(physical, goal), atol=1e-9
    )


def test_stand_and_the_benchmark_s_columns_have_no_mirror():
    assert make_task("dkitty-stand-random").reflection is None
    assert make_task("dkitty-walk-random", "robel").reflection is None


def test_unknown_observations_are_refused_with_those_that_exist():
    with pytest.raises(UnknownTaskError, match="one of: default, paper, robel"):
        make_task("dkitty-stand-fixed", "pixels")
