"""What is CEM's, iCEM's and MPPI's own: noise, elites, decay, kept elites, weights."""

import math

import pytest
import torch

from mbctl.planners.methods import Candidates, Cem, ColouredNoise, Icem, Mppi, _synthesis, weights
from mbctl.planners.objective import Scores
from mbctl.planners.settings import CemSettings, IcemSettings, MppiSettings


def candidates(*values: float) -> Candidates:
    """Sequences [2, N, 1] that say their value in each action."""
    value = torch.tensor(values)
    actions = (value / 10).expand(2, -1)[..., None]
    return Candidates(actions, Scores(value, value, torch.zeros_like(value)))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_candidates_are_picked_best_first():
    found = candidates(1.0, 5.0, -math.inf, 3.0)
    assert found.top(2).scores.value.tolist() == [5, 3]
    assert len(found.top(9)) == 3  # what is not finite is never among them
    both = found.joined(candidates(4.0))
    assert both.top(2).scores.value.tolist() == [5, 4]
    assert both.actions.shape == (2, 5, 1)


def test_cem_fits_the_elites_with_momentum():
    settings = CemSettings(
        horizon=2, population=4, elites=2, momentum=0.25, minimum_std=0.0, iterations=3
    )
    method = Cem(settings, generator())
    method.begin(candidates(0.0), torch.full((2, 1), 0.5))
    method.update(candidates(1.0, 5.0, 3.0, -1.0))
    assert method.mean[:, 0].tolist() == pytest.approx([0.75 * 0.4] * 2)
    assert method.std[:, 0].tolist() == pytest.approx([0.75 * 0.1 + 0.25 * 0.5] * 2)


def test_cem_draws_about_its_mean_and_scores_the_mean_last():
    settings = CemSettings(horizon=2, population=4000, elites=2, iterations=2)
    method = Cem(settings, generator())
    method.begin(candidates(2.0), torch.full((2, 1), 0.1))
    drawn = method.sample(0)
    assert drawn.shape == (2, 4000, 1)
    assert drawn.mean() == pytest.approx(0.2, abs=0.01)
    assert drawn.std() == pytest.approx(0.1, rel=0.05)
    assert torch.equal(method.sample(1)[:, 0], method.mean)


def test_elites_that_agree_leave_room():
    settings = CemSettings(
        horizon=2, population=4, elites=2, momentum=0.0, minimum_std=0.07, iterations=3
    )
    method = Cem(settings, generator())
    method.begin(candidates(0.0), torch.full((2, 1), 0.5))
    method.update(candidates(2.0, 2.0))
    assert method.std[:, 0].tolist() == pytest.approx([0.07] * 2)


def test_without_elites_the_search_stays_where_it_is():
    method = Cem(CemSettings(horizon=2, population=4, elites=2), generator())
    method.begin(candidates(3.0), torch.full((2, 1), 0.5))
    method.update(candidates(-math.inf, -math.inf))
    assert method.mean[:, 0].tolist() == pytest.approx([0.3] * 2)


def test_icem_draws_fewer_from_round_to_round():
    settings = IcemSettings(horizon=2, population=100, elites=10, decay=2.0, iterations=9)
    method = Icem(settings, generator())
    method.begin(candidates(0.0), torch.full((2, 1), 0.5))
    assert [method.sample(i).shape[1] for i in range(4)] == [100, 50, 25, 20]


def test_icem_never_draws_more_than_its_population():
    settings = IcemSettings(horizon=2, population=12, elites=10)
    method = Icem(settings, generator())
    method.begin(candidates(0.0), torch.full((2, 1), 0.5))
    assert method.sample(0).shape[1] == 12


def test_icem_keeps_a_share_of_its_elites():
    settings = IcemSettings(
        horizon=2, population=8, elites=4, kept_fraction=0.5, momentum=0.0, iterations=3
    )
    method = Icem(settings, generator())
    method.begin(candidates(9.0, 1.0, 8.0), torch.full((2, 1), 0.5))
    method.update(candidates(2.0, 3.0, 4.0, 5.0))
    assert method.mean[0, 0] == pytest.approx((0.9 + 0.8 + 0.5 + 0.4) / 4)
    method.update(candidates(6.0, 7.0, 10.0))
    assert method.mean[0, 0] == pytest.approx((0.9 + 0.7 + 1.0 + 0.8) / 4)


def test_icem_shifts_its_elites_to_the_next_plan():
    settings = IcemSettings(horizon=2, population=8, elites=4, kept_fraction=0.5)
    method = Icem(settings, generator())
    assert method.remembered(1) is None
    known = candidates(9.0, 8.0, 1.0)
    known.actions[1] = torch.tensor([[0.11], [0.22], [0.33]])
    method.begin(known, torch.full((2, 1), 0.5))
    moved = method.remembered(1)
    assert moved is not None
    assert moved.shape == (2, 2, 1)
    assert moved[0, :, 0].tolist() == pytest.approx([0.11, 0.22])
    assert moved.abs().max() <= 1
    method.restart()
    assert method.remembered(1) is None


def test_mppi_weighs_by_the_exponential_of_values():
    value = torch.tensor([1.0, 2.0, 4.0])
    unit = float(value.std(correction=0))
    expected = torch.exp(value / (0.5 * unit))
    assert torch.allclose(weights(value, 0.5), expected / expected.sum())
    assert torch.allclose(weights(100 * value + 7, 0.5), weights(value, 0.5))


def test_mppi_gives_no_weight_to_what_is_not_finite():
    weight = weights(torch.tensor([1.0, -math.inf, 1.0]), 1.0)
    assert weight.tolist() == [0.5, 0.0, 0.5]


def test_mppis_mean_is_the_weighted_one_of_samples_and_known_sequences():
    settings = MppiSettings(horizon=2, temperature=0.5)
    method = Mppi(settings, generator())
    method.begin(candidates(4.0), torch.full((2, 1), 0.5))
    method.update(candidates(1.0, 2.0))
    weight = weights(torch.tensor([1.0, 2.0, 4.0]), 0.5)
    expected = float((weight * torch.tensor([0.1, 0.2, 0.4])).sum())
    assert method.mean[:, 0].tolist() == pytest.approx([expected] * 2)


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
    basis = _synthesis(0.0, horizon, torch.device("cpu"))
    assert torch.allclose(basis @ basis.T, torch.eye(horizon), atol=1e-5)


def test_columns_and_sequences_are_independent():
    drawn = draw(2.0, 8)
    assert abs(float((drawn[0, :, 0] * drawn[0, :, 1]).mean())) < 0.06
    assert abs(float((drawn[0, :-1, 0] * drawn[0, 1:, 0]).mean())) < 0.06
