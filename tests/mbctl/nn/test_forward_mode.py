"""Projections of Jacobians against the Jacobians themselves and finite differences."""

import pytest
import torch
from torch import Tensor

from mbctl.nn.ensemble_mlp import Activation, EnsembleMLP
from mbctl.nn.forward_mode import projections

E, B, N, I, D = 3, 5, 4, 6, 2  # noqa: E741 - the axes' names in the module


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def network(activation: Activation = "relu") -> EnsembleMLP:
    generator = torch.Generator().manual_seed(0)
    return EnsembleMLP(E, (I, 16, 16, D), generator, activation=activation).double()


def test_projections_are_those_of_the_jacobian():
    net, x, v = network(), random(E, B, I), random(E, B, N, I, seed=1)
    for member in range(E):
        for row in range(B):

            def one(at: Tensor, member: int = member, row: int = row) -> Tensor:
                whole = x.index_put((torch.tensor(member), torch.tensor(row)), at)
                return net(whole)[member, row]

            jacobian = torch.func.jacrev(one)(x[member, row])
            expected = v[member, row] @ jacobian.T
            assert torch.allclose(projections(net, x, v)[member, row], expected)


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_projections_agree_with_finite_differences(activation):
    net, x, v = network(activation), random(E, B, I), random(E, B, N, I, seed=1)
    step = 1e-6
    with torch.no_grad():
        for i in range(N):
            numeric = (net(x + step * v[:, :, i]) - net(x - step * v[:, :, i])) / (2 * step)
            assert torch.allclose(projections(net, x, v)[:, :, i], numeric, atol=1e-7)


def test_any_leading_axes_will_do():
    matrix, v = random(I, D), random(N, I, seed=1)
    assert torch.allclose(projections(lambda at: at @ matrix, random(I), v), v @ matrix)


def test_second_derivatives_are_there():
    """J v = 2 x v of x^2, whose derivative by x is 2 v."""
    x, v = random(B, I).requires_grad_(), random(B, 1, I, seed=1)
    gradient = torch.autograd.grad(projections(torch.square, x, v).sum(), x)[0]
    assert torch.allclose(gradient, 2 * v[:, 0])
