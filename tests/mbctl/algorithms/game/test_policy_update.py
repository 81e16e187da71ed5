"""Returns and advantages against a plain loop over one rollout."""

import pytest
import torch
from torch import Tensor

from mbctl.algorithms.game.policy_update import discounted_returns, generalised_advantages

GAMMA, LAM = 0.9, 0.8


def plain_returns(reward: Tensor, alive: Tensor, last: float) -> list[float]:
    steps = int(alive.sum())
    total = last if steps == len(reward) else 0.0
    out = []
    for t in reversed(range(steps)):
        total = float(reward[t]) + GAMMA * total
        out.insert(0, total)
    return out


def plain_advantages(reward: Tensor, alive: Tensor, value: Tensor) -> list[float]:
    steps = int(alive.sum())
    out = []
    for t in range(steps):
        errors = [reward[k] + GAMMA * value[k + 1] - value[k] for k in range(t, steps)]
        out.append(float(sum((GAMMA * LAM) ** i * e for i, e in enumerate(errors))))
    return out


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_against_a_plain_loop(steps):
    generator = torch.Generator().manual_seed(steps)
    reward = torch.randn(6, 2, generator=generator)
    value = torch.randn(7, 2, generator=generator)
    alive = torch.ones(6, 2)
    alive[steps:, 0] = 0
    value[steps if steps < 6 else 7 :, 0] = 0
    returns = discounted_returns(reward, alive, value[-1], GAMMA)
    advantages = generalised_advantages(reward, alive, value, GAMMA, LAM)
    for column in range(2):
        taken = int(alive[:, column].sum())
        last = float(value[-1, column])
        expected = plain_returns(reward[:, column], alive[:, column], last)
        assert returns[:taken, column].tolist() == pytest.approx(expected, abs=1e-5)
        expected = plain_advantages(reward[:, column], alive[:, column], value[:, column])
        assert advantages[:taken, column].tolist() == pytest.approx(expected, abs=1e-5)


def test_what_lies_past_an_ending_counts_nothing():
    reward, alive = torch.ones(4, 1), torch.tensor([[1.0], [1.0], [0.0], [0.0]])
    assert discounted_returns(reward, alive, torch.tensor([99.0]), 1.0)[:2, 0].tolist() == [2, 1]
