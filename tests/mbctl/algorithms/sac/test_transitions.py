"""Mini-batches are rows of the replay, and what is changed in them is changed consistently."""

import dataclasses

import numpy as np
import pytest
import torch

from mbctl.algorithms.sac.settings import SacSettings
from mbctl.algorithms.sac.transitions import Transitions, TransitionSource
from mbctl.data.replay import Replay
from mbctl.tasks.dclaw_turn import DClawTurn
from mbctl.tasks.registry import make_task

TASK = make_task("dclaw-turn-random")
COUNT = 64


def draw(replay: Replay, mirrored: bool = False, **settings: object) -> Transitions:
    reflection = TASK.reflection if mirrored else None
    source = TransitionSource(TASK, replay, SacSettings.model_validate(settings), reflection)
    return source.draw(COUNT, torch.Generator().manual_seed(0))


def rows_of(drawn: Transitions) -> set[bytes]:
    return {row.numpy().tobytes() for row in torch.cat([drawn.observation, drawn.action], dim=1)}


def test_what_is_drawn_is_what_was_stored(replay):
    drawn = draw(replay)
    columns = replay.rows[:, : replay.layout.reward]
    assert rows_of(drawn) <= {row.tobytes() for row in columns}
    assert len(rows_of(drawn)) > 50
    goal = TASK.goal(drawn.next_observation)
    reward = TASK.reward(TASK.physical(drawn.next_observation), goal)
    assert torch.allclose(drawn.reward, reward, atol=1e-3)


def test_the_reward_is_scaled(replay):
    assert torch.allclose(draw(replay, reward_scale=0.1).reward, 0.1 * draw(replay).reward)


def test_the_objective_leaves_out_costs(replay):
    plain, objective = draw(replay), draw(replay, reward="objective")
    assert (objective.reward >= plain.reward - 1e-3).all()
    physical = TASK.physical(objective.next_observation)
    told = TASK.objective(physical, TASK.goal(objective.next_observation))
    assert torch.equal(objective.reward, told)


def test_a_reward_told_anew_is_less_what_the_action_costs(replay):
    class Costly(DClawTurn):
        def action_cost(self, applied_action: torch.Tensor) -> torch.Tensor:
            return 2.0 + applied_action[..., 0] ** 2

    free = draw(replay, reward="objective")
    settings = SacSettings(reward="objective")
    source = TransitionSource(Costly(TASK.name, "random"), replay, settings, None)
    costly = source.draw(COUNT, torch.Generator().manual_seed(0))
    assert torch.allclose(free.reward - costly.reward, 2.0 + free.action[:, 0] ** 2, atol=1e-5)


def test_a_time_limit_is_no_end(replay):
    last = replay.rows[:, replay.layout.truncated] == 1
    assert last.any()
    assert (draw(replay).terminated == 0).all()
    replay.rows[last, replay.layout.terminated] = 1
    few = draw(replay).terminated
    assert 0 < few.sum() < 10


def test_relabelled_rows_are_under_another_rows_goal_before_and_after(replay):
    plain, changed = draw(replay), draw(replay, relabelled=0.5)
    half = COUNT // 2
    for name in ("observation", "action", "next_observation"):
        assert torch.allclose(getattr(changed, name)[half:], getattr(plain, name)[half:], atol=1e-6)
    goals = TASK.goal(plain.observation).roll(1, dims=0)[:half]
    error = torch.stack([torch.cos(goals), torch.sin(goals)])
    for name in ("observation", "next_observation"):
        new, old = (TASK.physical(getattr(x, name)[:half]) for x in (changed, plain))
        assert torch.allclose(new, old, atol=1e-5)
        found = TASK.goal(getattr(changed, name)[:half])
        assert torch.allclose(torch.stack([torch.cos(found), torch.sin(found)]), error, atol=1e-5)
    after = changed.next_observation
    told = TASK.reward(TASK.physical(after), TASK.goal(after))
    assert torch.allclose(changed.reward, told)
    assert not torch.allclose(changed.reward[:half], plain.reward[:half], atol=0.1)


def test_a_mirrored_transition_is_one_of_the_same_task(replay):
    plain, mirrored = draw(replay), draw(replay, mirrored=True)
    selector = TASK.reflection.selector
    assert (mirrored.observation[:, selector] >= 0).all()
    flipped = plain.observation[:, selector] < 0
    assert 5 < flipped.sum() < COUNT - 5
    assert torch.equal(mirrored.action[~flipped], plain.action[~flipped])
    assert not torch.allclose(mirrored.action[flipped], plain.action[flipped], atol=0.01)
    assert torch.equal(mirrored.reward, plain.reward)


def test_the_robots_bound_is_the_same_in_the_mirror(replay):
    """So that critics that learn in the mirror image may ask the task for applied actions there."""
    plain, mirrored = draw(replay), draw(replay, mirrored=True)
    request = 2 * torch.rand(COUNT, 9, generator=torch.Generator().manual_seed(1)) - 1
    flipped = TASK.reflection.flipped(plain.observation)
    applied = TASK.applied_action(TASK.physical(plain.observation), request)
    image = TASK.reflection.action(request, flipped)
    there = TASK.applied_action(TASK.physical(mirrored.observation), image)
    assert torch.allclose(there, TASK.reflection.action(applied, flipped), atol=1e-5)


@pytest.mark.parametrize("relabelled", [0.0, 0.3])
def test_the_same_generator_draws_the_same(replay, relabelled):
    first, second = (dataclasses.asdict(draw(replay, relabelled=relabelled)) for _ in range(2))
    assert all(np.array_equal(first[k], second[k]) for k in first)
