"""What a task gets that says no more than it must: of an arm of two joints, reaching an angle."""

import numpy as np
import torch

from hal.limits import action_to_target
from hal.types import JointSpec, ResetTarget, RobotSpec, RobotState
from mbctl.tasks.task import Array, BaseTask, Task, measured_names

ARM = RobotSpec(
    model="arm",
    joints=(JointSpec("shoulder", -1.0, 3.0, 2.0), JointSpec("elbow", -2.0, 2.0, 2.0)),
    objects=("door",),
    home_position_rad=(0.0, 0.0),
)


class Reach(BaseTask):
    robot = ARM
    physical_names = measured_names(ARM)
    goal_names = ("shoulder_goal_rad",)
    angles = slice(4, 5)  # the door's
    episode_steps = 10

    def sample_start(self, rng: np.random.Generator) -> ResetTarget:
        return ResetTarget(np.zeros(2), np.zeros(1))

    def reward(self, physical: Array, goal: Array) -> Array:
        return -((physical[..., 0] - goal[..., 0]) ** 2)

    def success(self, physical: Array, goal: Array) -> Array:
        return self.reward(physical, goal) > -0.01


TASK = Reach("arm-reach")


def draw() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, 6)), rng.uniform(-1, 1, (5, 2)), rng.normal(size=(5, 1))


def test_it_is_a_task_measured_as_its_columns_say():
    assert isinstance(TASK, Task)
    nan = np.full(2, np.nan)
    state = RobotState(
        1, 1, np.array([1.0, 2.0]), np.array([3.0, 4.0]), nan, nan,
        np.array([5.0]), np.array([6.0]), np.ones(2, dtype=bool),
    )  # fmt: skip
    physical = dict(zip(TASK.physical_names, TASK.physical_from_state(state), strict=True))
    assert physical == {
        "shoulder_position_rad": 1.0, "elbow_position_rad": 2.0,
        "shoulder_velocity_rad_s": 3.0, "elbow_velocity_rad_s": 4.0,
        "door_position_rad": 5.0, "door_velocity_rad_s": 6.0,
    }  # fmt: skip


def test_all_parts_come_back_from_an_observation():
    physical, action, goal = draw()
    observation = TASK.observation(physical, action, goal)
    assert observation.shape == (5, len(TASK.observation_names))
    np.testing.assert_array_equal(TASK.physical(observation), physical)
    np.testing.assert_array_equal(TASK.last_action(observation), action)
    np.testing.assert_array_equal(TASK.goal(observation), goal)


def test_only_angles_that_turn_on_differ_the_short_way_round():
    before, after = np.full(6, 3.1), np.full(6, -3.1)
    expected = np.full(6, -6.2)
    expected[4] += 2 * np.pi
    np.testing.assert_allclose(TASK.physical_difference(after, before), expected)


def test_an_action_leads_the_joints_by_no_more_than_their_velocity_allows():
    physical, action, _ = draw()
    low, high = ARM.position_min_rad, ARM.position_max_rad
    physical[:, :2] = np.clip(physical[:, :2], low, high)
    target = action_to_target(TASK.applied_action(physical, 3 * action), low, high)
    assert (np.abs(target - physical[:, :2]) <= 2.0 * TASK.period_s + 1e-9).all()
    np.testing.assert_allclose(
        TASK.commanded(physical, action), action_to_target(action, low, high)
    )


def test_acting_is_free_the_objective_is_the_reward_and_only_nonsense_ends_it():
    physical, action, goal = draw()
    assert not TASK.action_cost(action).any()
    np.testing.assert_array_equal(TASK.objective(physical, goal), TASK.reward(physical, goal))
    physical[3, 2] = np.inf
    assert TASK.terminated(physical).tolist() == [False, False, False, True, False]
    image, turned = TASK.transform(physical, action, 0)
    assert image is physical
    assert turned is action


def test_numpy_and_torch_agree():
    arrays = draw()
    tensors = tuple(torch.from_numpy(x) for x in arrays)
    for mine, other in zip(results(*arrays), results(*tensors), strict=True):
        np.testing.assert_allclose(mine, other.numpy(), atol=1e-12)


def results(physical: Array, action: Array, goal: Array) -> list[Array]:
    observation = TASK.observation(physical, action, goal)
    return [
        observation,
        TASK.goal(observation),
        TASK.physical_difference(physical, -physical),
        TASK.dynamics_inputs(physical, action, True),
        TASK.applied_action(physical, action),
        TASK.action_cost(action),
        TASK.terminated(physical),
    ]
