"""Branched rollouts are rows as a robot would have sent them."""

import numpy as np
import pytest
import torch
from torch import Tensor

from mbctl.data.layout import RowLayout
from mbctl.data.replay import Replay
from mbctl.models.branched_rollouts import branch, thresholded_linear
from mbctl.models.imagine import Starts
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble, Step
from mbctl.tasks.registry import make_task
from tests.conformance.point_mass import LAYOUT, PointMass

TASK = PointMass()
STARTS = 6


class TrueModel(ProbabilisticEnsemble):
    """The point mass itself."""

    def sample(
        self,
        physical: Tensor,
        action: Tensor,
        generator: torch.Generator,
        *,
        noise: bool = True,
    ) -> Step:
        return Step(TASK.step(physical, action), None)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def true_model() -> TrueModel:
    return TrueModel(TASK, (4,), 1, 1, False, False, "silu", seeded())


def starts(physical: Tensor) -> Starts:
    count = len(physical)
    goal = torch.linspace(-1, 1, 2 * count).reshape(count, 2)
    return Starts(physical, torch.zeros(count, 2), goal, torch.full((count,), 9.0))


def push(observation: Tensor) -> Tensor:
    """Harder than the robot does it: requests are cut to 1."""
    return torch.full((len(observation), 2), 3.0)


def rolled(physical: Tensor, horizon: int) -> np.ndarray:
    start = starts(physical)
    model = true_model()
    return branch(TASK, model, push, start, horizon, learned_reward=False, generator=seeded())


def test_rows_follow_the_dynamics_from_their_starts():
    physical = torch.randn(STARTS, 4, generator=seeded(1)) * 0.3
    rows = torch.from_numpy(rolled(physical, 3))
    assert rows.shape == (3 * STARTS, LAYOUT.width)
    state, goal = physical, starts(physical).goal
    for step in rows.split(STARTS):
        arrived = TASK.step(state, torch.ones(STARTS, 2))
        before, after = step[:, LAYOUT.observation], step[:, LAYOUT.next_observation]
        torch.testing.assert_close(before, TASK.observation(state, torch.zeros(STARTS, 2), goal))
        torch.testing.assert_close(after, TASK.observation(arrived, torch.ones(STARTS, 2), goal))
        assert step[:, LAYOUT.action].unique().tolist() == [1.0]  # as applied
        torch.testing.assert_close(step[:, LAYOUT.reward], TASK.reward(arrived, goal))
        assert step[:, LAYOUT.valid].min() == 1
        assert step[:, LAYOUT.truncated].max() == 0  # though the episode's time is up
        state = arrived


def test_nothing_comes_after_the_end():
    physical = torch.zeros(2, 4)
    physical[0, 0] = 4.9  # leaves for good at its first step, 5 m from the origin
    physical[0, 2] = 4.0
    rows = rolled(physical, 4)
    ended = rows[:, LAYOUT.terminated]
    assert len(rows) == 1 + 4
    assert ended.tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert rows[2:, 0].max() < 4.0  # the other one goes on
    assert len(rolled(physical[:1], 4)) == 1


def test_an_ordinary_replay_holds_them():
    rows = rolled(torch.zeros(STARTS, 4), 2)
    replay = Replay(LAYOUT, 8)
    replay.append(rows, np.zeros(len(rows), dtype=np.int64))
    assert np.array_equal(replay.rows, rows[-8:])


def test_policies_see_last_actions_as_requested_and_goals_stay():
    task = make_task("dclaw-turn-random")
    model = ProbabilisticEnsemble(task, (4,), 2, 2, False, False, "silu", seeded())
    layout = RowLayout(task.observation_names, task.robot.joint_names)
    goal = torch.tensor([[2.0], [-2.5]])
    start = Starts(torch.zeros(2, 20), torch.full((2, 9), 0.5), goal, torch.zeros(2))
    asked: list[Tensor] = []

    def act(observation: Tensor) -> Tensor:
        asked.append(observation)
        return torch.full((2, 9), -2.0)

    rows = torch.from_numpy(
        branch(task, model, act, start, 2, learned_reward=False, generator=seeded())
    )
    assert task.last_action(asked[0]).unique().tolist() == [0.5]
    assert task.last_action(asked[1]).unique().tolist() == [-1.0]
    applied = task.applied_action(torch.zeros(2, 20), torch.full((2, 9), -2.0))
    torch.testing.assert_close(rows[:2, layout.action], applied)
    assert float(applied.min()) > -1.0  # the velocity bound was felt
    turned = task.goal(rows[2:, layout.next_observation]) - goal
    assert float(torch.sin(turned / 2).abs().max()) < 1e-5


class Told(ProbabilisticEnsemble):
    """Stays where it is, and tells a reward of its own."""

    def sample(
        self,
        physical: Tensor,
        action: Tensor,
        generator: torch.Generator,
        *,
        noise: bool = True,
    ) -> Step:
        return Step(physical, torch.full((len(physical),), 42.0))


def test_a_learned_reward_takes_the_place_of_the_task_s():
    task = make_task("gym/InvertedPendulum-v5")
    model = Told(task, (4,), 1, 1, False, True, "silu", seeded())
    layout = RowLayout(task.observation_names, task.robot.joint_names)
    still = torch.zeros(2, len(task.physical_names))
    start = Starts(still, torch.zeros(2, 1), torch.zeros(2, 0), torch.zeros(2))

    def rest(observation: Tensor) -> Tensor:
        return torch.zeros(len(observation), 1)

    found = {
        learned: branch(task, model, rest, start, 1, learned_reward=learned, generator=seeded())
        for learned in (True, False)
    }
    assert found[True][:, layout.reward].tolist() == [42.0, 42.0]
    assert found[False][:, layout.reward].tolist() == [1.0, 1.0]


def test_a_reward_that_the_model_does_not_learn_is_refused():
    physical = starts(torch.zeros(1, 4))
    with pytest.raises(ValueError, match="does not learn the reward"):
        branch(TASK, true_model(), push, physical, 1, learned_reward=True, generator=seeded())


@pytest.mark.parametrize(
    ("epoch", "steps"), [(0.0, 1.0), (20.0, 1.0), (60.0, 8.0), (100.0, 15.0), (125.0, 15.0)]
)
def test_the_schedule_is_that_of_the_paper_s_table(epoch, steps):
    assert thresholded_linear(epoch, 20.0, 100.0, 1.0, 15.0) == steps


def test_a_schedule_may_fall_or_jump():
    assert thresholded_linear(5.0, 0.0, 10.0, 4.0, 2.0) == 3.0
    jump = [thresholded_linear(epoch, 3.0, 3.0, 1.0, 5.0) for epoch in (2.9, 3.0)]
    assert jump == [1.0, 5.0]
