"""The gradient loss inside a fit: the right neighbours, the right units, and better slopes."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from mbctl.algorithms.branched.settings import DdppoSettings
from mbctl.algorithms.branched.slope_penalty import SlopePenalty
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
    penalty = SlopePenalty(model, data, None, images, settings, generator)
    penalty.begin(torch.arange(len(data.physical)))
    return penalty


def newest_first(count: int) -> Tensor:
    """The penalty's number of each row, all of which it knows."""
    return torch.arange(count).flip(0)


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
    assert penalty.of_rows(newest_first(40)[batch]).item() == pytest.approx(expected, rel=1e-4)
    assert (penalty.kept_share == 1.0) == (radius is None)
    assert penalty.kept_share > 0


def test_chosen_directions_are_right_on_average():
    data, batch = data_of(40), torch.arange(40).expand(MEMBERS, -1)
    model = model_for(SETTINGS, data)
    whole = penalty_of(model, data, SETTINGS).of_rows(batch).item()
    one = penalty_of(model, data, SETTINGS.model_copy(update={"directions_per_step": 1}))
    values = [one.of_rows(batch).item() for _ in range(60)]

    distinct = {round(v, 4) for v in values}
    assert len(distinct) == 3
    assert sum(distinct) / 3 == pytest.approx(whole, rel=1e-3)


def test_it_is_of_rows_drawn_among_those_with_neighbours():
    data = data_of(40)
    penalty = penalty_of(model_for(SETTINGS, data), data, SETTINGS)
    everywhere = penalty.of_rows(torch.arange(40).expand(MEMBERS, -1)).item()
    drawn = [penalty(torch.zeros(MEMBERS, 8, dtype=torch.long)).item() for _ in range(200)]
    assert len(set(drawn)) > 100
    assert sum(drawn) / len(drawn) == pytest.approx(everywhere, rel=0.1)


@pytest.mark.parametrize("images", [1, 2])
def test_its_weight_does_not_fade_as_data_grow(images):
    """Only the newest rows have neighbours; they are drawn as often as a mini-batch has rows."""
    settings = SETTINGS.model_copy(update={"neighbour_rows": 10 * images})
    few, many = data_of(10), data_of(400)
    recent = TransitionData(
        *(
            torch.cat([old[:390], new])
            for old, new in zip(vars(many).values(), vars(few).values(), strict=True)
        )
    )
    model = model_for(settings, recent)
    kept, all_of = (_images(data, images) for data in (few, recent))
    expected = penalty_of(model, kept, settings, images).rows
    found = penalty_of(model, all_of, settings, images).rows
    assert len(found.inputs) == 10 * images
    order = expected.inputs[:, 0].argsort(), found.inputs[:, 0].argsort()
    torch.testing.assert_close(found.inputs[order[1]], expected.inputs[order[0]])
    torch.testing.assert_close(found.targets[order[1]], expected.targets[order[0]])


def _images(data: TransitionData, count: int) -> TransitionData:
    """The rows, and again a little beside themselves: images come one set after the other."""
    sets = [[x + 0.01 * i for x in vars(data).values()] for i in range(count)]
    return TransitionData(*(torch.cat(parts) for parts in zip(*sets, strict=True)))


def test_rows_that_are_held_out_are_neither_drawn_nor_neighbours():
    data = data_of(40)
    model = model_for(SETTINGS, data)
    penalty = penalty_of(model, data, SETTINGS)
    penalty.begin(torch.arange(0, 40, 2))
    inputs = model.normalise(model.inputs(data.physical, data.action))
    torch.testing.assert_close(penalty.rows.inputs, inputs[0:40:2].flip(0))


def test_it_is_in_the_units_of_the_fit():
    """Metres or millimetres: the loss is the same."""
    data, batch = data_of(40), torch.arange(40).expand(MEMBERS, -1)
    scaled = replace(data, physical=1000 * data.physical, difference=1000 * data.difference)
    first = penalty_of(model_for(SETTINGS, data), data, SETTINGS).of_rows(batch).item()
    second = penalty_of(model_for(SETTINGS, scaled), scaled, SETTINGS).of_rows(batch).item()
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
