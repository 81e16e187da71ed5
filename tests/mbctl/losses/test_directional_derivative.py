"""The gradient loss against closed forms and finite differences."""

import pytest
import torch
from torch import Tensor

from mbctl.losses.directional_derivative import directional_derivative_loss
from mbctl.nn.ensemble_mlp import EnsembleMLP
from mbctl.nn.forward_mode import projections

E, B, N, I, D = 3, 5, 4, 6, 2  # noqa: E741 - the axes' names in the module


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=drawn(seed), dtype=torch.float64)


def network(seed: int = 0) -> EnsembleMLP:
    return EnsembleMLP(E, (I, 16, 16, D), drawn(seed)).double()


def loss_of(net: EnsembleMLP, x: Tensor, v: Tensor, y: Tensor, kept: Tensor) -> Tensor:
    return directional_derivative_loss(projections(net, x, v), y, kept).sum()


def test_a_linear_model_that_is_right_has_no_loss():
    matrix = random(E, I, D)
    x, v = random(E, B, I, seed=1), random(E, B, N, I, seed=2)
    projected = projections(lambda at: at @ matrix + 3.0, x, v)
    differences = torch.einsum("ebni,eid->ebnd", v, matrix)
    loss = directional_derivative_loss(projected, differences, torch.ones(E, B, N).double())
    assert torch.allclose(loss, torch.zeros(E).double(), atol=1e-24)


def test_a_slope_that_is_wrong_by_s_costs_s_squared_times_v_squared():
    """M(x) = k x in one dimension, with data of slope k0: (k - k0)^2 mean v^2."""
    v = random(1, B, N, 1)
    projected = projections(lambda at: 2.5 * at, random(1, B, 1, seed=1), v)
    loss = directional_derivative_loss(projected, 2.0 * v, torch.ones(1, B, N).double())
    assert loss.item() == pytest.approx(0.25 * v.square().mean().item())


def test_an_output_that_misses_by_one_costs_its_share():
    projected = torch.zeros(2, 1, 2, 4)
    differences = torch.zeros(2, 1, 2, 4)
    differences[1, 0, 0, 3] = 1.0
    loss = directional_derivative_loss(projected, differences, torch.ones(2, 1, 2))
    assert loss.tolist() == [0.0, 1 / 8]


def test_neighbours_left_out_count_as_no_error():
    net, x = network(), random(E, B, I)
    v, y = random(E, B, N, I, seed=1), random(E, B, N, D, seed=2)
    kept = torch.zeros(E, B, N).double()
    kept[..., 0] = 1.0
    all_of_one = directional_derivative_loss(
        projections(net, x, v[:, :, :1]), y[:, :, :1], kept[..., :1]
    )
    some = directional_derivative_loss(projections(net, x, v), y, kept)
    assert torch.allclose(some, all_of_one / N)
    y[:, :, 1:] = 1e6
    assert torch.equal(directional_derivative_loss(projections(net, x, v), y, kept), some)


@pytest.mark.parametrize("name", ["weights.0", "weights.2", "biases.0", "biases.1"])
def test_the_gradient_by_weights_agrees_with_finite_differences(name: str):
    net, x = network(), random(E, B, I)
    v, y = random(E, B, N, I, seed=1), random(E, B, N, D, seed=2)
    kept = (random(E, B, N, seed=3) > 0).double()
    parameter = dict(net.named_parameters())[name]
    gradient = torch.autograd.grad(
        loss_of(net, x, v, y, kept), parameter, allow_unused=True, materialize_grads=True
    )[0]
    towards = random(*parameter.shape, seed=4)
    step = 1e-6
    with torch.no_grad():
        parameter += step * towards
        above = loss_of(net, x, v, y, kept)
        parameter -= 2 * step * towards
        below = loss_of(net, x, v, y, kept)
    numeric = (above - below) / (2 * step)
    assert (gradient * towards).sum().item() == pytest.approx(numeric.item(), rel=1e-4, abs=1e-8)
    if name.startswith("weights"):
        assert gradient.abs().sum() > 0


def test_members_do_not_mix():
    net, x = network(), random(E, B, I)
    v, y = random(E, B, N, I, seed=1), random(E, B, N, D, seed=2)
    loss = directional_derivative_loss(projections(net, x, v), y, torch.ones(E, B, N).double())
    gradient = torch.autograd.grad(loss[1], net.weights[0])[0]
    assert gradient[0].abs().sum() == 0
    assert gradient[2].abs().sum() == 0
    assert gradient[1].abs().sum() > 0
