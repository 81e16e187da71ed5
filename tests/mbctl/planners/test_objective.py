"""Scores of sequences against the same sums written out; members and threads that share them."""

import dataclasses
import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mbctl.models.imagine import STATE_LIMIT
from mbctl.planners.objective import DealtModel, SequenceObjective, SharedObjective
from tests.mbctl.planners.point_mass import PointMass, PointMasses, quadratic_optimum

TASK = PointMass()
START = torch.tensor([0.2, -0.1])
GOAL = torch.tensor([0.5])
GAINS = (0.5, 1.0, 1.5, 2.0, 2.5)
ALL = PointMasses(*GAINS)


def rolled(gain: float, actions: Tensor, start: Tensor = START) -> list[Tensor]:
    """States after each of the actions [H] in one member."""
    states, state = [], start[None, None]
    for action in actions:
        state = PointMasses(gain).predict(state, action.clamp(-1, 1).reshape(1, 1, 1))
        states.append(state[0, 0])
    return states


def test_the_value_is_the_mean_discounted_return_over_members():
    actions = torch.randn(5, 3, 1, generator=torch.Generator().manual_seed(0))
    objective = SequenceObjective(TASK, PointMasses(0.5, 1.0), TASK.reward, gamma=0.9)
    scores = objective.score(START, GOAL, actions)
    for n in range(3):
        returns = []
        for gain in (0.5, 1.0):
            states = rolled(gain, actions[:, n, 0])
            returns.append(sum(0.9**t * TASK.reward(s, GOAL) for t, s in enumerate(states)))
        pair = torch.stack([torch.as_tensor(r) for r in returns])
        assert scores.mean_return[n] == pytest.approx(float(pair.mean()), abs=1e-5)
        assert scores.disagreement[n] == pytest.approx(float(pair.std(correction=0)), abs=1e-5)
    assert torch.equal(scores.value, scores.mean_return)


def test_a_step_costs_what_its_action_costs_as_applied():
    class Costly(PointMass):
        def action_cost(self, applied_action: Tensor) -> Tensor:
            return 3.0 * (applied_action**2).sum(dim=-1)

    actions = torch.tensor([0.5, -4.0, 0.0])[:, None, None]  # the second is applied as -1
    free = SequenceObjective(TASK, PointMasses(0.5, 1.0), TASK.reward, gamma=0.5)
    costly = SequenceObjective(Costly(), PointMasses(0.5, 1.0), TASK.reward, gamma=0.5)
    lost = free.score(START, GOAL, actions).value - costly.score(START, GOAL, actions).value
    assert float(lost) == pytest.approx(3 * 0.5**2 + 0.5 * 3 * 1.0, rel=1e-5)


@pytest.mark.parametrize("weight", [-2.0, 0.5])
def test_disagreement_is_a_penalty_or_a_bonus(weight: float):
    actions = torch.rand(4, 6, 1, generator=torch.Generator().manual_seed(1))
    model = PointMasses(0.2, 1.0, 1.5)
    scores = SequenceObjective(TASK, model, TASK.reward, 1.0, weight).score(START, GOAL, actions)
    assert scores.disagreement.min() > 0
    assert torch.allclose(scores.value, scores.mean_return + weight * scores.disagreement)


def test_members_may_be_compared_by_their_states():
    scale = torch.tensor([0.5, 2.0])
    objective = SequenceObjective(
        TASK, PointMasses(0.0, 1.0), TASK.reward, state_scale=lambda: scale
    )
    actions = torch.ones(2, 1, 1)
    scores = objective.score(START, GOAL, actions)
    apart = 0.0
    both = rolled(0.0, actions[:, 0, 0]), rolled(1.0, actions[:, 0, 0])
    for still, moved in zip(*both, strict=True):
        apart += float(((moved - still) / scale).abs().mean()) / 2 / 2  # of two, over two steps
    assert scores.disagreement[0] == pytest.approx(apart, rel=1e-5)


def test_members_whose_episode_has_ended_are_compared_no_more():
    """The second runs out with its first step, and away: only that step counts of it."""
    scale = torch.ones(2)
    near_edge, actions = torch.tensor([9.9, 0.0]), torch.ones(6, 1, 1)
    found = [
        SequenceObjective(
            TASK, PointMasses(0.0, moved), TASK.reward, state_scale=lambda: scale
        ).score(near_edge, GOAL, actions)
        for moved in (50.0, 1000.0)
    ]
    firsts = [rolled(moved, actions[:1, 0, 0], near_edge)[0] for moved in (50.0, 1000.0)]
    still = rolled(0.0, actions[:1, 0, 0], near_edge)[0]
    for scores, first in zip(found, firsts, strict=True):
        assert first[0] > TASK.edge_m
        expected = float((first - still).abs().mean()) / 2 / 6
        assert scores.disagreement[0] == pytest.approx(expected, rel=1e-4)


def test_the_end_of_the_horizon_is_worth_gamma_to_the_horizon():
    last_seen: list[Tensor] = []

    def value(physical: Tensor, last_action: Tensor, goal: Tensor) -> Tensor:
        last_seen.append(last_action)
        return 100 * physical[..., 0] + goal[..., 0]

    actions = torch.full((3, 2, 1), 0.25)
    plain = SequenceObjective(TASK, PointMasses(1.0), TASK.reward, gamma=0.8)
    valued = SequenceObjective(TASK, PointMasses(1.0), TASK.reward, 0.8, terminal_value=value)
    gained = valued.score(START, GOAL, actions).value - plain.score(START, GOAL, actions).value
    end = rolled(1.0, actions[:, 0, 0])[-1][0]
    assert gained[0] == pytest.approx(0.8**3 * (100 * float(end) + 0.5), rel=1e-4)
    assert last_seen[0].shape == (1, 2, 1)
    assert last_seen[0].unique().tolist() == [0.25]


def test_nothing_counts_after_the_step_that_ends_an_episode():
    near_edge = torch.tensor([9.95, 1.0])  # the first step leads out in each member
    objective = SequenceObjective(
        TASK, PointMasses(1.0, 0.5), TASK.reward, terminal_value=lambda p, _a, _g: p[..., 0] * 1e6
    )
    many = objective.score(near_edge, GOAL, torch.zeros(6, 1, 1))
    first = rolled(1.0, torch.zeros(1), near_edge)[0]
    assert first[0] > TASK.edge_m
    assert many.value[0] == pytest.approx(float(TASK.reward(first, GOAL)), rel=1e-5)


def test_what_follows_the_end_may_be_no_number():
    class Broken(PointMasses):
        def predict(self, physical: Tensor, action: Tensor) -> Tensor:
            outside = physical[..., :1].abs() >= TASK.edge_m
            return torch.where(outside, torch.nan, super().predict(physical, action))

    objective = SequenceObjective(TASK, Broken(1.0, 0.5), TASK.reward)
    near_edge = torch.tensor([9.95, 1.0])
    one, many = (objective.score(near_edge, GOAL, torch.zeros(h, 1, 1)) for h in (1, 5))
    assert one.value.isfinite()
    assert many.value[0] == one.value[0]


def test_members_end_one_by_one():
    class Half(PointMass):
        def terminated(self, physical: Tensor) -> Tensor:
            return physical[..., 1] > 0.05

    task = Half()
    reward = lambda physical, goal: torch.ones_like(physical[..., 0])  # noqa: E731
    objective = SequenceObjective(task, PointMasses(1.0, 0.0), reward)
    scores = objective.score(torch.zeros(2), GOAL, torch.ones(4, 1, 1))
    assert scores.value[0] == (1 + 4) / 2
    assert scores.disagreement[0] == 1.5


def test_what_the_model_cannot_tell_is_never_preferred():
    class Breaking(PointMasses):
        def predict(self, physical: Tensor, action: Tensor) -> Tensor:
            after = super().predict(physical, action)
            return torch.where(action > 0.5, torch.nan, after)

    actions = torch.tensor([0.0, 1.0]).expand(2, 2)[..., None]
    scores = SequenceObjective(TASK, Breaking(1.0, 1.0), TASK.reward).score(START, GOAL, actions)
    assert scores.value[0].isfinite()
    assert scores.value[1] == -torch.inf


def test_states_are_held_within_their_limit():
    class Bursting(PointMasses):
        def predict(self, physical: Tensor, action: Tensor) -> Tensor:
            return 1e30 * torch.ones_like(physical)

    seen: list[float] = []

    def reward(physical: Tensor, goal: Tensor) -> Tensor:
        seen.append(float(physical.max()))
        return physical[..., 0]

    SequenceObjective(TASK, Bursting(1.0), reward).score(START, GOAL, torch.zeros(1, 1, 1))
    assert seen == [STATE_LIMIT]


def test_the_optimum_in_closed_form_is_the_best_of_its_neighbours():
    best, value = quadratic_optimum(START, 0.25, 4)
    assert best.abs().max() > 1  # so the unclipped optimum asks for a task without bounds

    class Unbounded(PointMass):
        def applied_action(self, physical: Tensor, action: Tensor) -> Tensor:
            return action

    noise = 0.1 * torch.randn(4, 50, generator=torch.Generator().manual_seed(2))
    noise[:, 0] = 0
    objective = SequenceObjective(Unbounded(), PointMasses(1.0), TASK.reward)
    actions = (best[:, None] + noise)[..., None]
    scores = objective.score(START, torch.tensor([0.25]), actions)
    assert scores.value[0] == pytest.approx(value, abs=1e-5)
    assert int(scores.value.argmax()) == 0


def test_scores_are_plain_data():
    actions = torch.zeros(1, 1, 1, requires_grad=True)
    scores = SequenceObjective(TASK, PointMasses(1.0), TASK.reward).score(START, GOAL, actions)
    assert not any(t.requires_grad for t in dataclasses.astuple(scores))


def rows(members: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    state = torch.randn(members, count, 2, generator=generator)
    return state, torch.randn(members, count, 1, generator=generator)


@given(st.integers(1, len(GAINS)), st.integers(1, 23))
def test_each_row_is_rolled_in_its_own_members(members: int, count: int):
    state, action = rows(members, count)
    found = DealtModel(ALL, members).predict(state, action)
    assert found.shape == state.shape
    for k in range(members):
        for i in range(count):
            member = PointMasses(GAINS[(i + k) % len(GAINS)])
            expected = member.predict(state[k : k + 1, i : i + 1], action[k : k + 1, i : i + 1])
            torch.testing.assert_close(found[k, i], expected[0, 0])


def test_members_have_equal_shares_of_the_work():
    asked = []

    class Counting(PointMasses):
        def predict(self, physical, action):
            asked.append(tuple(physical.shape))
            return super().predict(physical, action)

    DealtModel(Counting(*GAINS), 2).predict(*rows(2, 20))
    assert asked == [(5, 8, 2)]


@pytest.mark.parametrize("members", [0, 6])
def test_more_members_than_there_are_are_refused(members: int):
    with pytest.raises(ValueError, match=rf"{members}.*5 members.*1 to 5"):
        DealtModel(ALL, members)


@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_scores_are_those_of_one_thread_in_the_same_order(threads: int, count: int):
    actions = torch.randn(5, count, 1, generator=torch.Generator().manual_seed(0))
    alone = SequenceObjective(TASK, PointMasses(0.5, 1.0), TASK.reward, 0.9, -0.5)
    shared = SharedObjective(alone, threads).score(START, GOAL, actions)
    for found, expected in zip(
        vars(shared).values(), vars(alone.score(START, GOAL, actions)).values(), strict=True
    ):
        torch.testing.assert_close(found, expected)


def test_the_parts_are_scored_at_the_same_time():
    meeting = threading.Barrier(3, timeout=10)

    class Meeting(SequenceObjective):
        def score(self, physical, goal, actions):
            meeting.wait()  # who is alone here waits for ever
            return super().score(physical, goal, actions)

    objective = SharedObjective(Meeting(TASK, PointMasses(0.5), TASK.reward), 3)
    assert objective.score(START, GOAL, torch.zeros(4, 6, 1)).value.shape == (6,)


def test_what_goes_wrong_in_a_part_is_not_lost():
    caller = threading.get_ident()

    class Broken(SequenceObjective):
        def score(self, physical, goal, actions):
            if threading.get_ident() != caller:
                raise ZeroDivisionError("in a thread")
            return super().score(physical, goal, actions)

    objective = SharedObjective(Broken(TASK, PointMasses(0.5), TASK.reward), 2)
    with pytest.raises(ZeroDivisionError, match="in a thread"):
        objective.score(START, GOAL, torch.zeros(4, 6, 1))


def test_one_thread_is_refused():
    with pytest.raises(ValueError, match="1 threads have nothing to share"):
        SharedObjective(SequenceObjective(TASK, PointMasses(0.5), TASK.reward), 1)
