"""Losses of soft actor-critic: closed forms, and gradients against finite differences."""

import math

import pytest
import torch

from mbctl.losses.sac import (
    actor_loss,
    critic_loss,
    critic_target,
    soft_value,
    temperature_loss,
)

LOG_PROB = torch.tensor([-1.0, 0.5, 2.0], dtype=torch.float64)
Q = torch.tensor([[1.0, 2.0, 3.0], [0.0, 4.0, -3.0]], dtype=torch.float64)


def test_the_soft_value_adds_entropy():
    assert soft_value(Q[0], LOG_PROB, 0.5).tolist() == [1.5, 1.75, 2.0]


def test_only_an_end_for_good_ends_the_value():
    reward, value = torch.tensor([1.0, 1.0, -2.0]), torch.tensor([10.0, 10.0, 5.0])
    ended = torch.tensor([0.0, 1.0, 0.0])
    target = critic_target(reward, ended, value, 0.9)
    assert target.tolist() == pytest.approx([10.0, 1.0, 2.5])


def test_the_target_of_an_endless_reward_is_its_own_sum():
    value = torch.tensor([1.0 / (1.0 - 0.99)])
    target = critic_target(torch.ones(1), torch.zeros(1), value, 0.99)
    assert target.item() == pytest.approx(100.0, rel=1e-5)


def test_the_critics_loss_is_half_the_squared_error_of_each():
    target = torch.tensor([1.0, 1.0, 1.0], dtype=torch.float64)
    expected = 0.5 * ((0 + 1 + 4) + (1 + 9 + 16)) / 3
    assert critic_loss(Q, target).item() == pytest.approx(expected)


def test_the_actors_loss_is_the_negative_soft_value():
    assert actor_loss(Q[1], LOG_PROB, 0.5) == -soft_value(Q[1], LOG_PROB, 0.5).mean()


def test_temperature_stands_still_at_the_target_and_moves_towards_it():
    def slope(target: float) -> float:
        log_alpha = torch.tensor(math.log(0.2), dtype=torch.float64, requires_grad=True)
        temperature_loss(log_alpha, LOG_PROB, target).backward()
        assert log_alpha.grad is not None
        return log_alpha.grad.item()

    entropy = -LOG_PROB.mean().item()
    assert slope(entropy) == pytest.approx(0.0, abs=1e-12)
    assert slope(entropy + 1.0) == pytest.approx(-1.0)  # too little entropy: descent raises alpha
    assert slope(entropy - 1.0) == pytest.approx(1.0)


def test_the_temperature_gives_the_policy_no_gradient():
    log_prob = LOG_PROB.clone().requires_grad_()
    loss = temperature_loss(torch.tensor(0.1, requires_grad=True), log_prob, -2.0)
    loss.backward()
    assert log_prob.grad is None


def test_gradients_agree_with_finite_differences():
    q, log_prob = Q.clone().requires_grad_(), LOG_PROB.clone().requires_grad_()
    target, ended = torch.randn(3).double(), torch.tensor([0.0, 1.0, 0.0]).double()
    assert torch.autograd.gradcheck(lambda x: critic_loss(x, target), (q,))
    assert torch.autograd.gradcheck(lambda x, p: actor_loss(x[0], p, 0.3), (q, log_prob))
    assert torch.autograd.gradcheck(
        lambda x, p: critic_target(target, ended, soft_value(x[0], p, 0.3), 0.9), (q, log_prob)
    )
