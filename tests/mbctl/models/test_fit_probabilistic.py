"""Fitting a probabilistic ensemble: it finds dynamics and noise, and knows when to stop."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from mbctl.algorithms.branched.settings import ProbabilisticModelSettings
from mbctl.losses.gaussian_nll import gaussian_nll
from mbctl.models.fit import TransitionData
from mbctl.models.fit_probabilistic import ProbabilisticFitter
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from tests.conformance.point_mass import PointMass

TASK = PointMass()
NOWHERE_TO_GO = PointMass(goal_names=())  # so that a model may learn its reward
SMALL: dict[str, Any] = {
    "members": 3,
    "elites": 2,
    "model_hidden": (24,),
    "model_weight_decay": (),
    "model_learning_rate": 5e-3,
    "model_batch": 64,
    "model_steps_max": 300,
}


def make(seed: int = 0, **changes: object) -> ProbabilisticFitter:
    settings = ProbabilisticModelSettings.model_validate({**SMALL, **changes})
    generator = torch.Generator().manual_seed(seed)
    model = ProbabilisticEnsemble(
        NOWHERE_TO_GO if settings.learned_reward else TASK,
        settings.model_hidden,
        settings.members,
        settings.elites,
        False,
        settings.learned_reward,
        settings.model_activation,
        generator,
        settings.model_bounds_trainable,
    )
    return ProbabilisticFitter(model, settings, gaussian_nll, generator)


def transitions(count: int, seed: int = 1, noise: float = 0.0) -> TransitionData:
    generator = torch.Generator().manual_seed(seed)
    physical = torch.randn(count, 4, generator=generator)
    action = 2.0 * torch.rand(count, 2, generator=generator) - 1.0
    difference = TASK.step(physical, action) - physical
    difference = difference + noise * torch.randn(count, 4, generator=generator)
    return TransitionData(physical, action, difference, torch.ones(count))


def quiet(done: float, loss: float) -> None:
    assert 0 <= done <= 1


def error(model: ProbabilisticEnsemble, data: TransitionData) -> Tensor:
    """Root mean square of each member, relative to the data's spread, [E]."""
    foretold = model.predict(
        data.physical.expand(model.members, -1, -1), data.action.expand(model.members, -1, -1)
    )
    wrong = (foretold - data.physical - data.difference) / data.difference.std(dim=0)
    return wrong.square().mean(dim=(1, 2)).sqrt()


def weights(model: ProbabilisticEnsemble) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in model.network.parameters()]


def test_it_finds_the_dynamics():
    fitter, unseen = make(), transitions(500, 2)
    assert float(error(fitter.model, unseen).min()) > 0.5
    report = fitter.fit(transitions(600), None, quiet)
    assert float(error(fitter.model, unseen).max()) < 0.1
    assert report.score == pytest.approx(float(error(fitter.model, unseen).mean()) ** 2, rel=1.5)
    assert report.steps <= 300


def test_it_finds_the_size_of_the_noise():
    fitter, data = make(model_steps_max=400), transitions(1500, 3, noise=0.2)
    fitter.fit(data, None, quiet)
    spread = (3, *data.physical.shape), (3, *data.action.shape)
    told = fitter.model.forward(data.physical.expand(spread[0]), data.action.expand(spread[1]))
    mean = told.std.detach().mean(dim=(0, 1))
    assert float(mean.min()) > 0.16
    assert float(mean.max()) < 0.24


def test_it_learns_the_reward_with_the_dynamics():
    fitter, data = make(learned_reward=True), transitions(600)
    reward = 3.0 * data.physical[:, 0] - 2.0 * data.action[:, 1] + 10.0
    fitter.fit(data, reward, quiet)
    new = transitions(200, 7)
    told = fitter.model.sample(
        new.physical, new.action, torch.Generator().manual_seed(0), noise=False
    ).reward
    assert told is not None
    expected = 3.0 * new.physical[:, 0] - 2.0 * new.action[:, 1] + 10.0
    assert float((told - expected).square().mean().sqrt()) < 0.4


def test_it_goes_on_from_the_last_fit():
    fitter, unseen = make(model_steps_max=150), transitions(500, 2)
    fitter.fit(transitions(600), None, quiet)
    before = error(fitter.model, unseen)
    settings = {**SMALL, "model_steps_max": 8}
    fitter.settings = ProbabilisticModelSettings.model_validate(settings)
    fitter.fit(transitions(700, 4), None, quiet)
    assert bool((error(fitter.model, unseen) < 1.5 * before).all())


def scores_of_a_second_fit(**changes: object) -> tuple[float, list[float], int]:
    """A well fitted model and a few more rows: its score before, at each epoch, and the steps."""
    known = {**SMALL, "model_hidden": (128, 128), "model_steps_max": 1000}
    fitter = make(**known)
    first = fitter.fit(transitions(300), None, quiet)
    changed = {**known, **changes}
    fitter.settings = ProbabilisticModelSettings.model_validate(changed)
    seen: list[float] = []
    take = fitter._scores

    def noted(rows: Any) -> Tensor:
        score = take(rows)
        seen.append(float(score.mean()))
        return score

    fitter._scores = noted
    report = fitter.fit(transitions(400, 5), None, quiet)
    return first.score, seen, report.steps


def test_a_warm_up_keeps_what_a_model_knows():
    cold, warm = (scores_of_a_second_fit(model_warm_up=steps) for steps in (0, 100))
    assert cold[0] == warm[0]
    assert cold[1][0] > 3 * warm[1][0]  # after the first epoch, six steps


def test_a_first_fit_has_no_warm_up():
    plain, warm = make(), make(model_warm_up=10_000)
    assert plain.fit(transitions(300), None, quiet) == warm.fit(transitions(300), None, quiet)


@pytest.mark.parametrize("steps", [0, 120])
def test_patience_may_be_in_steps_as_well(steps):
    """Six steps an epoch: five epochs without a gain are only thirty steps."""
    fitter = make(model_learning_rate=0.3, model_patience_steps=steps, model_steps_max=100_000)
    taken = fitter.fit(transitions(400), None, quiet)
    assert taken.steps >= 30 + steps
    assert taken.epochs == -(-taken.steps // 5)


def test_deviations_far_below_most_errors_begin_anew():
    fitter, data = make(), transitions(600, noise=0.1)
    fitter.fit(data, None, quiet)
    told = fitter.model.forward(data.physical.expand(3, -1, -1), data.action.expand(3, -1, -1))
    with torch.no_grad():  # column 2 is told a hundred times too surely
        fitter.model.network.biases[1][..., 4 + 2] -= 9.2
    fitter.settings = ProbabilisticModelSettings.model_validate({**SMALL, "model_steps_max": 1})
    fitter.fit(data, None, quiet)
    again = fitter.model.forward(data.physical.expand(3, -1, -1), data.action.expand(3, -1, -1))
    share = (again.std / told.std).detach().mean(dim=(0, 1))
    assert 0.5 < float(share.min()) <= float(share.max()) < 2.0


def test_a_fit_that_comes_to_nan_is_refused():
    fitter, data = make(), transitions(300)
    fitter.fit(data, None, quiet)
    difference = data.difference.clone()
    difference[3] = torch.nan
    with pytest.raises(FloatingPointError, match="not finite"):
        fitter.fit(replace(data, difference=difference), None, quiet)


def test_it_stops_when_nothing_is_gained_and_returns_to_the_best():
    fitter = make(model_steps_max=100_000, model_patience=2, model_learning_rate=0.3)
    seen: list[Tensor] = []
    take = ProbabilisticFitter._scores  # to see what it stops by

    def noted(rows: Any) -> Tensor:
        score = take(fitter, rows)
        seen.append(score)
        return score

    fitter._scores = noted
    report = fitter.fit(transitions(300), None, quiet)
    assert report.epochs == len(seen) < 1000
    best = torch.stack(seen).min(dim=0).values
    assert report.score == pytest.approx(float(best.sort().values[:2].mean()))
    assert fitter.model.elites == tuple(sorted(best.argsort()[:2].tolist()))


def test_elites_are_the_best_on_held_out_rows():
    fitter = make()
    with torch.no_grad():  # member 1 cannot be repaired in a few steps
        for parameter in fitter.model.network.weights:
            parameter[1] += 30.0
    fitter.settings = ProbabilisticModelSettings.model_validate({**SMALL, "model_steps_max": 5})
    fitter.fit(transitions(300), None, quiet)
    assert fitter.model.elites == (0, 2)


class Noted:
    """A penalty that notes what a fit tells it, and adds what it is given."""

    def __init__(self, loss: Callable[[], Tensor] = lambda: torch.zeros(())) -> None:
        self.train = torch.zeros(0)
        self.batches: list[Tensor] = []
        self._loss = loss

    def begin(self, train: Tensor) -> None:
        self.train = train

    def __call__(self, batch: Tensor) -> Tensor:
        self.batches.append(batch)
        return self._loss()


def drawn_rows(fitter: ProbabilisticFitter, data: TransitionData, images: int = 1) -> Tensor:
    """All row numbers that a fit of one epoch draws, [E, n]."""
    noted, steps = Noted(), -(-len(data.weight) // fitter.settings.model_batch)
    changes = {"model_steps_max": steps, "model_patience": 0}
    found = fitter.settings
    assert isinstance(found, ProbabilisticModelSettings)
    fitter.settings = found.model_copy(update=changes)
    fitter.fit(data, None, quiet, images=images, penalty=noted)
    size = (4 * len(data.weight)) // 5
    drawn = torch.cat(noted.batches, dim=1)[:, :size]
    assert bool(torch.isin(drawn, noted.train).all())
    assert len(noted.train) == size
    return drawn


def test_members_see_samples_of_their_own():
    drawn = drawn_rows(make(), transitions(400))
    unique = [len(member.unique()) for member in drawn]
    assert all(180 < count < 225 for count in unique)  # 1 - 1/e of 320
    assert not torch.equal(drawn[0].sort().values, drawn[1].sort().values)
    together = drawn_rows(make(model_bootstrap=False), transitions(400))
    assert [len(member.unique()) for member in together] == [320] * 3
    assert torch.equal(together[0].sort().values, together[1].sort().values)
    assert not torch.equal(together[0], together[1])


def test_no_image_of_a_held_out_row_is_fitted_to():
    data = transitions(400)
    drawn = drawn_rows(make(model_bootstrap=False), data, images=4)
    rows = (drawn[0] % 100).unique()
    assert len(rows) == 80
    assert all(bool(((drawn[0] % 100) == row).sum() == 4) for row in rows)


def test_rows_of_more_weight_are_drawn_more_often():
    data = transitions(1000)
    weight = torch.where(torch.arange(1000) < 500, 0.0, 1.0)
    changed = TransitionData(data.physical, data.action, data.difference, weight)
    assert int(drawn_rows(make(), changed).min()) >= 500


def test_weight_decay_shrinks_the_layer_it_is_given_for():
    still = transitions(100)
    short = {"model_steps_max": 120}
    plain, decayed = make(**short), make(**short, model_weight_decay=(0.0, 100.0))
    for fitter in (plain, decayed):
        fitter.fit(still, None, quiet)
    left = [
        float(small.norm() / full.norm())
        for small, full in zip(weights(decayed.model)[:2], weights(plain.model)[:2], strict=True)
    ]
    assert left[1] < 0.2 < left[0]


def test_a_penalty_is_minimised_with_the_loss():
    plain, held = make(model_steps_max=120), make(model_steps_max=120)
    small = Noted(lambda: 1000.0 * held.model.network.weights[1].square().sum())

    data = transitions(100)
    plain.fit(data, None, quiet)
    held.fit(data, None, quiet, penalty=small)
    assert held.model.network.weights[1].norm() < 0.2 * plain.model.network.weights[1].norm()


def test_the_same_seed_gives_the_same_fit():
    fitters = [make(seed, model_steps_max=20) for seed in (5, 5, 6)]
    for fitter in fitters:
        fitter.fit(transitions(100), None, quiet)
    ours, same, other = (weights(fitter.model) for fitter in fitters)
    assert all(torch.equal(a, b) for a, b in zip(ours, same, strict=True))
    assert not torch.equal(ours[0], other[0])


def test_a_handful_of_rows_is_enough_to_begin_with():
    report = make().fit(transitions(3), None, quiet)
    assert report.steps > 0
    assert bool(torch.isfinite(torch.tensor([report.loss, report.score])).all())


def test_weight_decay_of_another_number_of_layers_is_refused():
    fitter = make()
    wrong = ProbabilisticModelSettings.model_construct(
        **{**SMALL, "model_weight_decay": (1e-4, 1e-4, 1e-4)}
    )
    with pytest.raises(ValueError, match="3 entries for 2 layers"):
        ProbabilisticFitter(fitter.model, wrong, gaussian_nll, fitter.generator)
