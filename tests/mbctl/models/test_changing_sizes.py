"""Models that go on from fit to fit while columns of their data grow and shrink.

Every column's noise is a tenth of what it does, so that a good model has an error of a fraction of
that and predicts a deviation of 0.1, in units of the column's present size.
"""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from mbctl.algorithms.branched.settings import ProbabilisticModelSettings
from mbctl.algorithms.torch_learner import adam_state, load_adam_state
from mbctl.losses.gaussian_nll import gaussian_nll
from mbctl.losses.memb import sampled_error
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.fit import EnsembleFitter, TransitionData
from mbctl.models.fit_probabilistic import ProbabilisticFitter
from mbctl.models.probabilistic_ensemble import (
    MAX_LOG_VARIANCE,
    MIN_LOG_VARIANCE,
    ProbabilisticEnsemble,
)
from mbctl.models.sampled_gaussian import SampledGaussian
from mbctl.nn.units import Renewal
from tests.conformance.point_mass import PointMass

TASK = PointMass(goal_names=())
NOISE, MEMBERS = 0.1, 2
CASES = [  # sizes that columns have from fit to fit, and which columns
    ((1e-1, 1.0), (3,)),
    ((1e-2, 1.0), (1, 2)),
    ((1e-4, 1.0), (0, 1, 2, 3)),
    ((1.0, 0.1), (1, 2)),
    ((1.0, 1e-4), (0, 1, 2, 3)),
    ((1.0, 1e-2, 1.0, 1e-2), (3,)),
    ((0.3, 0.6, 1.0), (0, 1, 2, 3)),
    ((0.0, 1.0), (1, 2)),
    ((1e-8, 1e-5, 1.0), (3,)),
]
RESTED = ((1.0, 0.0, 1.0), (1, 2))  # nobody touched it for a while


@dataclass(frozen=True)
class Rows:
    """Training tuples, rewards, and what both would be without noise; sizes [4] of columns."""

    data: TransitionData
    reward: Tensor
    change: Tensor
    worth: Tensor
    sizes: Tensor


def drawn(count: int, size: float, columns: tuple[int, ...], generator: torch.Generator) -> Rows:
    sizes = torch.ones(4)
    sizes[list(columns)] = size
    state = torch.randn(count, 4, generator=generator)
    action = 2.0 * torch.rand(count, 2, generator=generator) - 1.0
    push = action[:, 0]
    change = torch.stack([push, 0.5 * state[:, 0], 0.3 * state[:, 1], action[:, 1]], dim=1)
    told = change + NOISE * torch.randn(count, 4, generator=generator)
    worth = size * (push + 5.0)
    reward = worth + size * NOISE * torch.randn(count, generator=generator)
    data = TransitionData(state * sizes, action, told * sizes, torch.ones(count))
    return Rows(data, reward, change * sizes, worth, sizes)


def quiet(*_: object) -> None:
    pass


def rms(values: Tensor) -> Tensor:
    return values.square().mean(dim=(0, 1)).sqrt()


def spread(values: Tensor) -> Tensor:
    return values.expand(MEMBERS, *values.shape)


def probabilistic(seed: int = 0, **changes: Any) -> ProbabilisticFitter:
    settings = ProbabilisticModelSettings(
        model_hidden=(48, 48),
        members=MEMBERS,
        elites=MEMBERS,
        model_weight_decay=(),
        model_steps_max=400,
        **changes,
    )
    generator = torch.Generator().manual_seed(seed)
    model = ProbabilisticEnsemble(
        TASK, (48, 48), MEMBERS, MEMBERS, False, settings.learned_reward, "silu", generator
    )
    return ProbabilisticFitter(model, settings, gaussian_nll, generator)


def told_by(fitter: ProbabilisticFitter, rows: Rows) -> tuple[Tensor, Tensor]:
    """Error and predicted deviation of each column, and of a learned reward, in their sizes."""
    model, data = fitter.model, rows.data
    told = model.forward(spread(data.physical), spread(data.action))
    wrong = told.mean_next.detach() - data.physical - rows.change
    error, std = rms(wrong / rows.sizes), told.std.detach().mean(dim=(0, 1)) / rows.sizes
    if told.reward is None or told.reward_std is None:
        return error, std
    size = float(rows.sizes.min())
    of_reward = rms((told.reward.detach() - rows.worth)[..., None] / size)
    std_of_reward = told.reward_std.detach().mean()[None] / size
    return torch.cat([error, of_reward]), torch.cat([std, std_of_reward])


@pytest.mark.parametrize(("sizes", "columns"), CASES)
def test_a_probabilistic_model_is_as_good_as_ever(sizes, columns):
    fitter, generator = probabilistic(learned_reward=True), torch.Generator().manual_seed(1)
    for size in (*sizes, sizes[-1], sizes[-1]):
        rows = drawn(1200, size, columns, generator)
        fitter.fit(rows.data, rows.reward, quiet)
    error, std = told_by(fitter, drawn(1000, sizes[-1], columns, generator))
    assert float(error.max()) < 0.045
    assert 0.93 * NOISE < float(std.min()) <= float(std.max()) < 1.2 * NOISE
    assert 0.97 * NOISE < float(std.mean()) < 1.12 * NOISE


def test_a_column_that_has_rested_is_no_longer_told_as_if_it_did():
    """At rest it is foretold almost exactly, unlike the first rows of its motion."""
    sizes, columns = RESTED
    fitter, generator = probabilistic(), torch.Generator().manual_seed(1)
    for size in (*sizes, sizes[-1], sizes[-1]):
        fitter.fit(drawn(1200, size, columns, generator).data, None, quiet)
    error, std = told_by(fitter, drawn(1000, sizes[-1], columns, generator))
    assert float(error.max()) < 0.045
    assert 0.9 * NOISE < float(std.min()) <= float(std.max()) < 2.0 * NOISE


@pytest.mark.parametrize(("sizes", "columns"), [*CASES, RESTED])
def test_a_deterministic_model_is_as_good_as_ever(sizes, columns):
    generator = torch.Generator().manual_seed(0)
    model = DeterministicEnsemble(TASK, (48, 48), MEMBERS, False, generator)
    fitter = EnsembleFitter(model, 1e-3, 200, generator)
    for size in (*sizes, sizes[-1]):
        fitter.fit(drawn(1200, size, columns, generator).data, 300, quiet)
    rows = drawn(1000, sizes[-1], columns, generator)
    told = model.predict(spread(rows.data.physical), spread(rows.data.action))
    error = rms((told - rows.data.physical - rows.change) / rows.sizes)
    assert float(error.max()) < 0.06


@pytest.mark.parametrize(("sizes", "columns"), [*CASES, RESTED])
def test_a_sampled_model_is_as_good_as_ever(sizes, columns):
    generator = torch.Generator().manual_seed(0)
    net = SampledGaussian(6, 5, (48, 48), generator)
    optimizer = torch.optim.Adam(net.network.parameters(), lr=1e-3)
    for k, size in enumerate((*sizes, sizes[-1])):
        rows = drawn(1200, size, columns, generator)
        inputs = torch.cat([rows.data.physical, rows.data.action], dim=1)
        targets = torch.cat([rows.data.difference, rows.reward[:, None]], dim=1)
        net.set_units(inputs, targets, k > 0, Renewal(optimizer, generator))
        for _ in range(300):
            index = torch.randint(1200, (200,), generator=generator)
            mean, deviation = net.unit_heads(inputs[index])
            noise = torch.randn(mean.shape, generator=generator)
            wanted = net.unit_targets(targets[index])
            optimizer.zero_grad()
            sampled_error(mean, deviation, noise, wanted).backward()
            optimizer.step()
    rows = drawn(1000, sizes[-1], columns, generator)
    told = net.mean(torch.cat([rows.data.physical, rows.data.action], dim=1))
    error = rms(((told[:, :4] - rows.change) / rows.sizes)[None])
    assert float(error.max()) < 0.08
    assert float(rms((told[:, 4] - rows.worth)[None, :, None])) < 0.08 * sizes[-1]


def test_a_fit_that_begins_anew_is_the_same_after_a_restart():
    """Small and careful rows, a checkpoint, then rows a hundred times larger, and smaller again."""
    fitters = [probabilistic(learned_reward=True) for _ in range(2)]
    rows = torch.Generator().manual_seed(1)
    small = drawn(300, 1e-2, (1, 3), rows)
    fitters[0].fit(small.data, small.reward, quiet)
    fitters[1].model.load_state_dict(fitters[0].model.state_dict())
    load_adam_state(fitters[1].optimizer, adam_state(fitters[0].optimizer))
    fitters[1].generator.set_state(fitters[0].generator.get_state())
    for size in (1.0, 1e-3):
        block = drawn(300, size, (1, 3), rows)
        for fitter in fitters:
            fitter.fit(block.data, block.reward, quiet)
    ours, theirs = (f.model.state_dict() | adam_state(f.optimizer) for f in fitters)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_bounds_stay_in_standard_units():
    """However often sizes change, a bound can leave a deviation between a bit above 1 and e^-5."""
    fitter, generator = probabilistic(), torch.Generator().manual_seed(1)
    for size in (1e-4, 1.0, 1e-3, 1e-2, 1.0, 0.7, 0.5, 0.35):
        fitter.fit(drawn(300, size, (0, 2), generator).data, None, quiet)
        high, low = fitter.model.max_log_variance, fitter.model.min_log_variance
        assert float(high.detach().max()) < MAX_LOG_VARIANCE + 0.1
        assert float(high.detach().min()) > -5.0
        assert float(low.detach().max()) < -5.0
        assert float(low.detach().min()) > MIN_LOG_VARIANCE - 0.1


def test_a_column_at_rest_keeps_what_was_learned_of_it():
    """It moved, then nobody touched it; when it moves again the model still knows how."""
    generator = torch.Generator().manual_seed(0)
    model = DeterministicEnsemble(TASK, (48, 48), MEMBERS, False, generator)
    fitter = EnsembleFitter(model, 1e-3, 200, generator)
    fitter.fit(drawn(1200, 1.0, (3,), generator).data, 600, quiet)
    known = model.difference_scale.clone()
    fitter.fit(drawn(1200, 0.0, (3,), generator).data, 1, quiet)
    assert float(model.difference_scale[3]) == float(known[3])
    rows = drawn(1000, 1.0, (3,), generator)
    told = model.predict(spread(rows.data.physical), spread(rows.data.action))
    assert float(rms(told - rows.data.physical - rows.change).max()) < 0.06
