"""Losses of MEMB: closed forms, and gradients against finite differences."""

import pytest
import torch

from mbctl.losses.memb import embedded_value, sampled_error, value_loss

VALUE = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
Q_MIN = torch.tensor([2.0, 0.0, 1.0], dtype=torch.float64)
LOG_PROB = torch.tensor([-1.0, 0.5, 2.0], dtype=torch.float64)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_without_noise_the_error_is_half_the_squared_one():
    mean, target = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]])
    loss = sampled_error(mean, torch.zeros(1, 2), torch.ones(1, 2), target)
    assert loss.item() == 0.5 * (1 + 4) / 2


def test_the_expected_error_is_that_of_the_mean_and_the_deviation():
    rows = 400_000
    mean, deviation = torch.full((rows, 1), 1.5).double(), torch.full((rows, 1), -0.7).double()
    loss = sampled_error(mean, deviation, drawn(rows, 1), torch.ones(rows, 1).double())
    assert loss.item() == pytest.approx(0.5 * (0.5**2 + 0.7**2), rel=0.01)


def test_the_deviation_is_driven_to_nothing_whatever_the_noise_of_the_data():
    target = 1.0 + 0.5 * drawn(4000, 1, seed=1)
    mean, deviation = (torch.full((1, 1), x).double().requires_grad_() for x in (0.0, 0.8))
    optimizer = torch.optim.SGD([mean, deviation], lr=0.2)
    for step in range(200):
        noise = drawn(4000, 1, seed=step + 2)
        loss = sampled_error(mean.expand(4000, 1), deviation.expand(4000, 1), noise, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert mean.item() == pytest.approx(1.0, abs=0.03)
    assert abs(deviation.item()) < 0.03  # not 0.5


def test_the_value_is_drawn_to_the_soft_value_of_q():
    loss = value_loss(VALUE, Q_MIN, LOG_PROB, 0.5)
    errors = (1.0 - 2.5, -2.0 + 0.25, 0.5 - 0.0)
    assert loss.item() == pytest.approx(0.5 * sum(e**2 for e in errors) / 3)


def test_the_values_loss_gives_q_and_policy_no_gradient():
    value, q_min, log_prob = (x.clone().requires_grad_() for x in (VALUE, Q_MIN, LOG_PROB))
    value_loss(value, q_min, log_prob, 0.5).backward()
    assert value.grad is not None
    assert q_min.grad is None
    assert log_prob.grad is None


def test_one_step_through_the_model_is_the_soft_bellman_equation():
    reward = torch.tensor([1.0, 1.0, 1.0], dtype=torch.float64)
    alive = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
    value = embedded_value(reward, LOG_PROB, VALUE, alive, 0.5, 0.9)
    assert value.tolist() == pytest.approx([1 + 0.5 + 0.9, 1 - 0.25, 1 - 1 + 0.45])
    assert embedded_value(reward, LOG_PROB, VALUE, 1.0, 0.0, 0.0).tolist() == [1.0, 1.0, 1.0]


def test_gradients_agree_with_finite_differences():
    mean, deviation = drawn(4, 2).requires_grad_(), drawn(4, 2, seed=1).requires_grad_()
    noise, target = drawn(4, 2, seed=2), drawn(4, 2, seed=3)
    assert torch.autograd.gradcheck(
        lambda m, d: sampled_error(m, d, noise, target), (mean, deviation)
    )
    value = VALUE.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda v: value_loss(v, Q_MIN, LOG_PROB, 0.3), (value,))
    step = [x.clone().requires_grad_() for x in (Q_MIN, LOG_PROB, VALUE)]
    assert torch.autograd.gradcheck(lambda r, p, v: embedded_value(r, p, v, 1.0, 0.3, 0.9), step)
