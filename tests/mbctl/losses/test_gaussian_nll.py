"""The loss is the likelihood that torch's own distributions give, and lowest where it should be."""

import math

import torch
from torch.distributions import Normal

from mbctl.losses.gaussian_nll import gaussian_nll


def drawn(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mean, log_variance, target = torch.randn(3, 2, 7, 5, generator=generator, dtype=torch.float64)
    return mean, log_variance, target


def test_it_is_twice_the_negative_log_likelihood():
    mean, log_variance, target = drawn(0)
    density = Normal(mean, torch.exp(0.5 * log_variance)).log_prob(target)
    expected = -2.0 * density.mean(dim=(1, 2)) - math.log(2.0 * math.pi)
    torch.testing.assert_close(gaussian_nll(mean, log_variance, target), expected)


def test_its_gradient_is_that_of_finite_differences():
    mean, log_variance, target = drawn(1)
    assert torch.autograd.gradcheck(
        gaussian_nll, (mean.requires_grad_(), log_variance.requires_grad_(), target)
    )


def test_the_best_log_variance_is_that_of_the_errors():
    mean, _, target = drawn(2)
    best = (mean - target).square().mean().log().expand_as(mean).clone().requires_grad_()
    gaussian_nll(mean, best, target).mean().backward()
    assert best.grad is not None
    assert abs(float(best.grad.sum())) < 1e-12
