"""The colour of noise: variance at each step, and power over frequency."""

import pytest
import torch

from mbctl.planners.noise import ColouredNoise


def draw(beta: float, horizon: int) -> torch.Tensor:
    noise = ColouredNoise(beta, horizon, torch.Generator().manual_seed(3))
    return noise.draw(4000, 2)


@pytest.mark.parametrize("horizon", [1, 2, 7, 12])
@pytest.mark.parametrize("beta", [0.0, 1.0, 2.5])
def test_each_step_has_unit_variance(beta: float, horizon: int):
    drawn = draw(beta, horizon)
    assert drawn.shape == (horizon, 4000, 2)
    assert torch.allclose(drawn.var(dim=(1, 2)), torch.ones(horizon), atol=0.08)
    assert drawn.mean(dim=(1, 2)).abs().max() < 0.06


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_power_falls_with_frequency(beta: float):
    horizon = 16
    power = torch.fft.rfft(draw(beta, horizon), dim=0).abs().square().mean(dim=(1, 2))
    frequency = torch.arange(1, horizon // 2)  # between the constant and the fastest
    slope = (power[1 : horizon // 2].log() - power[1].log())[1:] / frequency[1:].log()
    assert torch.allclose(slope, torch.full_like(slope, -beta), atol=0.1)


def test_without_colour_steps_are_independent():
    drawn = draw(0.0, 6).flatten(1)
    assert torch.allclose(torch.corrcoef(drawn), torch.eye(6), atol=0.05)


@pytest.mark.parametrize("horizon", [6, 7])
def test_the_synthesis_of_white_noise_is_white(horizon: int):
    from mbctl.planners.noise import _synthesis

    basis = _synthesis(0.0, horizon)
    assert torch.allclose(basis @ basis.T, torch.eye(horizon), atol=1e-5)


def test_columns_and_sequences_are_independent():
    drawn = draw(2.0, 8)
    assert abs(float((drawn[0, :, 0] * drawn[0, :, 1]).mean())) < 0.06
    assert abs(float((drawn[0, :-1, 0] * drawn[0, 1:, 0]).mean())) < 0.06
