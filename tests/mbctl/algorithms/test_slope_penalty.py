"""The gradient loss inside a fit: the right neighbours, the right units, and better slopes."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from mbctl.algorithms.ddppo_settings import DdppoSettings
from mbctl.algorithms.slope_penalty import SlopePenalty
from mbctl.losses.gaussian_nll import gaussian_nll
from mbctl.models.fit import TransitionData
from mbctl.models.fit_probabilistic import ProbabilisticFitter
from mbctl.models.gradient_error import gradient_error
from mbctl.models.prediction_error import elite_mean
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from tests.conformance.point_mass import PointMass

TASK = PointMass()
MEMBERS = 2
SETTINGS = DdppoSettings(
    members=MEMBERS,
    elites=1,
    model_hidden=(16,),
    model_weight_decay=(),
    model_batch=32,
    model_steps_max=200,
    gradient_weight=2.0,
    neighbours=3,
)


@dataclass(frozen=True)
class Waves:
    """The point mass on washboard ground: its velocity has waves along x that data must tell."""

    mass: PointMass = TASK

    def step(self, physical: Tensor, action: Tensor) -> Tensor:
        wave = torch.sin(2 * physical[..., :1])
        return self.mass.step(physical, action) + torch.cat(
            [0 * wave, 0 * wave, wave, 0 * wave], -1
        )


def drawn(rows: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    physical = torch.randn(rows, 4, generator=generator)
    return physical, 2 * torch.rand(rows, 2, generator=generator) - 1


def data_of(rows: int, seed: int = 0) -> TransitionData:
    physical, action = drawn(rows, seed)
    difference = Waves().step(physical, action) - physical
    return TransitionData(physical, action, difference, torch.ones(rows))


def model_for(settings: DdppoSettings, data: TransitionData) -> ProbabilisticEnsemble:
    generator = torch.Generator().manual_seed(0)
    sizes = settings.model_hidden, settings.members, settings.elites
    model = ProbabilisticEnsemble(TASK, *sizes, False, False, "silu", generator)
    model.fit_statistics(data.physical, data.action, data.difference, None)
    return model


def penalty_of(
    model: ProbabilisticEnsemble, data: TransitionData, settings: DdppoSettings, images: int = 1
) -> SlopePenalty:
    generator = torch.Generator().manual_seed(1)
    return SlopePenalty(model, data, None, images, settings, generator)


def by_hand(
    model: ProbabilisticEnsemble, data: TransitionData, batch: Tensor, settings: DdppoSettings
) -> float:
    """Eq. 9 with whole Jacobians, row by row."""
    inputs = model.normalise(model.inputs(data.physical, data.action))
    targets = model.standard_targets(data.difference, None)
    total = 0.0
    for member in range(MEMBERS):

        def mean(at: Tensor, member: int = member) -> Tensor:
            return model.standard(at.expand(MEMBERS, 1, -1))[0][member, 0]

        errors = []
        for row in batch[member].tolist():
            jacobian = torch.func.jacrev(mean)(inputs[row])
            distance = (inputs - inputs[row]).norm(dim=1)
            for other in distance.argsort()[1 : 1 + settings.neighbours].tolist():
                v = inputs[other] - inputs[row]
                error = (jacobian @ v - (targets[other] - targets[row])).square().mean()
                near = v.square().mean().sqrt() <= (settings.neighbour_radius or torch.inf)
                errors.append(float(error.detach()) if near else 0.0)
        total += sum(errors) / len(errors)
    return settings.gradient_weight * total


@pytest.mark.parametrize("radius", [None, 0.8])
def test_it_is_equation_nine_of_the_nearest_rows(radius):
    data, settings = data_of(40), SETTINGS.model_copy(update={"neighbour_radius": radius})
    model = model_for(settings, data)
    batch = torch.tensor([[0, 7, 7, 31], [39, 2, 5, 11]])
    penalty = penalty_of(model, data, settings)
    expected = by_hand(model, data, batch, settings)
    assert penalty(batch).item() == pytest.approx(expected, rel=1e-4)
    assert (penalty.kept_share == 1.0) == (radius is None)
    assert penalty.kept_share > 0


def test_chosen_directions_are_right_on_average():
    data, batch = data_of(40), torch.arange(40).expand(MEMBERS, -1)
    model = model_for(SETTINGS, data)
    whole = penalty_of(model, data, SETTINGS)(batch).item()
    one = penalty_of(model, data, SETTINGS.model_copy(update={"directions_per_step": 1}))
    values = [one(batch).item() for _ in range(60)]

    distinct = {round(v, 4) for v in values}
    assert len(distinct) == 3
    assert sum(distinct) / 3 == pytest.approx(whole, rel=1e-3)


def test_only_the_newest_rows_have_neighbours():
    data, settings = data_of(40), SETTINGS.model_copy(update={"neighbour_rows": 10})
    model = model_for(settings, data)
    penalty = penalty_of(model, data, settings)
    assert penalty(torch.arange(30).expand(MEMBERS, -1)).item() == 0.0
    new = torch.arange(30, 40).expand(MEMBERS, -1)
    recent = TransitionData(*(x[30:] for x in vars(data).values()))
    assert penalty(new).item() == pytest.approx(
        penalty_of(model, recent, settings)(new - 30).item(), rel=1e-5
    )


def test_each_image_has_its_newest_rows():
    data, settings = data_of(40), SETTINGS.model_copy(update={"neighbour_rows": 10})
    penalty = penalty_of(model_for(settings, data), data, settings, images=2)
    for rows, some in ((range(15), False), (range(15, 20), True), (range(20, 35), False)):
        batch = torch.tensor([*rows]).expand(MEMBERS, -1)
        assert (penalty(batch).item() > 0) == some


def test_it_is_in_the_units_of_the_fit():
    """Metres or millimetres: the loss is the same."""
    data, batch = data_of(40), torch.arange(40).expand(MEMBERS, -1)
    scaled = replace(data, physical=1000 * data.physical, difference=1000 * data.difference)
    first = penalty_of(model_for(SETTINGS, data), data, SETTINGS)(batch).item()
    second = penalty_of(model_for(SETTINGS, scaled), scaled, SETTINGS)(batch).item()
    assert first == pytest.approx(second, rel=1e-4)


def clusters(count: int, rows: int, spread: float) -> TransitionData:
    """Rows that come in groups of near neighbours, as those of an episode do."""
    physical, action = (x.repeat_interleave(rows, dim=0) for x in drawn(count))
    generator = torch.Generator().manual_seed(0)
    physical = physical + spread * torch.randn(physical.shape, generator=generator)
    action = (action + spread * torch.randn(action.shape, generator=generator)).clamp(-1, 1)
    difference = Waves().step(physical, action) - physical
    return TransitionData(physical, action, difference, torch.ones(len(physical)))


def test_a_fit_with_it_has_better_slopes():
    """Section 5.2 of the paper."""
    data, errors = clusters(40, 8, 0.15), {}
    for weight in (0.0, 50.0):
        settings = SETTINGS.model_copy(
            update={
                "gradient_weight": weight,
                "neighbours": 4,
                "model_hidden": (32, 32),
                "model_steps_max": 250,
                "model_patience": 1000,
            }
        )
        model = model_for(settings, data)
        fitter = ProbabilisticFitter(
            model, settings, gaussian_nll, torch.Generator().manual_seed(2)
        )
        penalty = penalty_of(model, data, settings) if weight else None
        fitter.fit(data, None, lambda done, loss: None, penalty=penalty)
        rows = data.physical[:100], 0.9 * data.action[:100]
        error = gradient_error(elite_mean(model), Waves().step, *rows, torch.ones(4), width=0.05)
        errors[weight] = error.mean().item()
    assert errors[50.0] < 0.9 * errors[0.0], errors
