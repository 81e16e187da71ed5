"""Errors of values and of slopes, against models whose errors are known in closed form."""

import math

import pytest
import torch
from torch import Tensor

from mbctl.models.gradient_error import gradient_error, model_slopes, true_slopes
from mbctl.models.prediction_error import prediction_error
from tests.conformance.point_mass import PointMass

Rows = tuple[Tensor, Tensor]

B = 6
TASK = PointMass()
ONES = torch.ones(4, dtype=torch.float64)


@pytest.fixture
def rows() -> Rows:
    generator = torch.Generator().manual_seed(0)
    physical = torch.randn(B, 4, generator=generator, dtype=torch.float64)
    return physical, 0.9 * (2 * torch.rand(B, 2, generator=generator, dtype=torch.float64) - 1)


def shifted(physical: Tensor, action: Tensor) -> Tensor:
    """Right slopes, wrong values."""
    return TASK.step(physical, action) + torch.tensor([1.0, 0.0, 0.0, -2.0])


def ripple(physical: Tensor, action: Tensor) -> Tensor:
    """Nearly right values, wrong slopes: a small wave along x, of slope 2 cos(1000 x)."""
    wave = 0.002 * torch.sin(1000 * physical[..., :1])
    return TASK.step(physical, action) + torch.cat([wave, torch.zeros(len(wave), 3)], dim=-1)


def test_the_truth_has_no_error(rows: Rows):
    assert prediction_error(TASK.step, TASK.step, *rows, ONES).tolist() == [0.0] * B
    assert gradient_error(TASK.step, TASK.step, *rows, ONES).max() < 1e-18


def test_wrong_values_and_right_slopes(rows: Rows):
    error = prediction_error(shifted, TASK.step, *rows, ONES)
    assert torch.allclose(error, torch.full((B,), 5 / 4, dtype=torch.float64))
    assert gradient_error(shifted, TASK.step, *rows, ONES).max() < 1e-18


def test_right_values_and_wrong_slopes(rows: Rows):
    assert prediction_error(ripple, TASK.step, *rows, ONES).max() < 1e-5
    expected = (2 * torch.cos(1000 * rows[0][:, 0])).square() / (6 * 4)
    assert torch.allclose(gradient_error(ripple, TASK.step, *rows, ONES), expected)


def test_errors_are_in_units_of_the_scale(rows: Rows):
    scale = torch.tensor([2.0, 1.0, 1.0, 4.0], dtype=torch.float64)
    error = prediction_error(shifted, TASK.step, *rows, scale)
    assert torch.allclose(error, torch.full((B,), 0.5 / 4, dtype=torch.float64))
    halved = gradient_error(ripple, TASK.step, *rows, scale)
    assert torch.allclose(halved, gradient_error(ripple, TASK.step, *rows, ONES) / 4)


def test_slopes_along_chosen_directions(rows: Rows):
    """Along the first action: c (h - tau (1 - e)) of x, c (1 - e) of v_x."""
    along = torch.tensor([[0.0, 0.0, 0.0, 0.0, 1.0, 0.0]], dtype=torch.float64)
    kept = math.exp(-1.0)
    expected = [4.0 * (0.1 - 0.1 * (1 - kept)), 0.0, 4.0 * (1 - kept), 0.0]
    for slopes in (
        model_slopes(TASK.step, *rows, along),
        true_slopes(TASK.step, *rows, along, 1e-3),
    ):
        assert slopes.shape == (B, 1, 4)
        assert slopes[0, 0].tolist() == pytest.approx(expected, abs=1e-9)


def test_angles_go_the_short_way_round():
    """A turn by x + pi that is given within (-pi, pi]; near 0 it jumps from pi to -pi."""

    def truth(physical: Tensor, action: Tensor) -> Tensor:
        return torch.remainder(physical + 2 * math.pi, 2 * math.pi) - math.pi

    def short(after: Tensor, before: Tensor) -> Tensor:
        return torch.remainder(after - before + math.pi, 2 * math.pi) - math.pi

    physical = torch.tensor([[1e-4], [-1e-4], [1.0]], dtype=torch.float64)
    action = torch.zeros(3, 0, dtype=torch.float64)
    unit = torch.ones(1, dtype=torch.float64)

    def model(state: Tensor, _: Tensor) -> Tensor:
        return state + math.pi

    far = prediction_error(model, truth, physical, action, unit)
    near = prediction_error(model, truth, physical, action, unit, short)
    assert far.max() > 30
    assert near.max() < 1e-20
    assert gradient_error(model, truth, physical, action, unit).max() > 1e3
    near = gradient_error(model, truth, physical, action, unit, difference=short)
    assert near.max() < 1e-18
