"""Targets that look ahead: closed forms, ends, and weights by what is known."""

import pytest
import torch
from torch import Tensor

from mbctl.losses.value_expansion import (
    expanded_targets,
    mve_targets,
    random_models,
    reached,
    steve_target,
)

GAMMA = 0.9
HORIZON, CRITICS, MODELS, ROWS = 3, 2, 4, 5


def drawn(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_each_step_of_a_path_gets_the_sum_from_there_on():
    rewards, value = drawn(4, 3), drawn(3, seed=1)
    targets = mve_targets(rewards, torch.zeros(4, 3), value, GAMMA)
    for t in range(4):
        steps = sum(GAMMA ** (k - t) * rewards[k] for k in range(t, 4))
        assert torch.allclose(targets[t], steps + GAMMA ** (4 - t) * value)


def test_a_paths_end_ends_its_targets_and_its_weights():
    ended = torch.tensor([[0.0], [1.0], [0.0]])
    rewards = torch.tensor([[1.0], [2.0], [4.0]])
    targets = mve_targets(rewards, ended, torch.tensor([100.0]), 0.5)
    assert targets[:, 0].tolist() == [2.0, 2.0, 54.0]
    assert reached(ended)[:, 0].tolist() == [1.0, 1.0, 0.0]


def test_the_true_value_is_its_own_target_at_every_horizon():
    """x' = x / 2 with reward x' has V(x) = x sum_i gamma^(i-1) 2^-i = x / (2 - gamma)."""
    start = drawn(ROWS)
    paths = torch.stack([start * 0.5 ** (h + 1) for h in range(HORIZON + 1)])
    values = (paths / (2.0 - GAMMA))[:, None, None].expand(-1, CRITICS, MODELS, ROWS)
    rewards = paths[1:, None].expand(HORIZON, MODELS, ROWS)
    never = torch.zeros(HORIZON, MODELS, ROWS, dtype=torch.bool)
    targets = expanded_targets(paths[0], torch.zeros(ROWS), rewards, never, values, GAMMA)
    assert torch.allclose(targets, (start / (2.0 - GAMMA)).expand_as(targets))
    assert torch.allclose(steve_target(targets).value, start / (2.0 - GAMMA))


def test_no_reward_and_no_value_comes_from_behind_an_end():
    rewards = torch.full((2, 1, 3), 10.0)
    ended = torch.tensor([[[False, True, False]], [[False, False, False]]])
    values = torch.full((3, 1, 1, 3), 100.0)
    values[:, :, :, 2] = torch.nan  # what models say of states behind the real end is never used
    terminated = torch.tensor([0.0, 0.0, 1.0])
    targets = expanded_targets(torch.ones(3), terminated, rewards, ended, values, 0.5)[:, 0, 0]
    assert targets[:, 0].tolist() == [51.0, 31.0, 21.0]
    assert targets[:, 1].tolist() == [51.0, 6.0, 6.0]
    assert targets[:, 2].tolist() == [1.0, 1.0, 1.0]


def test_horizons_weigh_by_the_inverse_of_their_variance():
    # T_0: critics say 4 and 8, all models alike. T_1: variance 1 over models, critics agree.
    first = torch.tensor([4.0, 8.0])[:, None].expand(2, MODELS)
    second = torch.tensor([9.0, 11.0, 9.0, 11.0]).expand(2, MODELS)
    targets = torch.stack([first, second])[..., None].double()
    value, weight = steve_target(targets, smaller=False)
    assert weight[:, 0].tolist() == pytest.approx([0.2, 0.8])  # 1/4 to 1/1
    assert value.item() == pytest.approx(0.2 * 6.0 + 0.8 * 10.0)
    assert steve_target(targets).value.item() == pytest.approx(0.2 * 4.0 + 0.8 * 10.0)


def test_the_horizon_without_model_steps_does_not_own_the_target():
    """It would if its variance were taken over models, which were not asked."""
    targets = drawn(HORIZON + 1, CRITICS, MODELS, ROWS)
    targets[0] = drawn(CRITICS, 1, ROWS, seed=2)
    weight = steve_target(targets).weight
    assert torch.allclose(weight.sum(dim=0), torch.ones(ROWS, dtype=torch.float64))
    spread = targets[0, :, 0].var(dim=0, correction=0)
    others = targets[1:].flatten(1, 2).var(dim=1, correction=0)
    assert torch.allclose(weight[1:] / weight[0], spread / others, rtol=1e-5)
    assert float(weight[0].max()) < 0.99


def test_where_all_agree_the_weights_are_even():
    value, weight = steve_target(torch.full((3, 2, 4, 1), 7.0))
    assert weight[:, 0].tolist() == pytest.approx([1 / 3] * 3)
    assert value.item() == pytest.approx(7.0)


def test_only_chosen_models_are_asked():
    targets = drawn(2, CRITICS, MODELS, ROWS)
    chosen = torch.tensor([[0, 2], [3, 1]])
    kept = torch.stack([targets[0][:, [0, 2]], targets[1][:, [3, 1]]])
    assert torch.equal(steve_target(targets, chosen).value, steve_target(kept).value)


def test_models_are_drawn_evenly_and_without_repeats():
    generator = torch.Generator().manual_seed(0)
    chosen = random_models(4000, MODELS, 2, generator)
    assert chosen.shape == (4000, 2)
    assert bool((chosen[:, 0] != chosen[:, 1]).all())
    counts = torch.bincount(chosen.flatten(), minlength=MODELS)
    assert counts.sum() == 8000
    assert int(counts.min()) > 1800
