"""An ensemble in one batched product is its members one by one."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mbctl.nn.ensemble_mlp import EnsembleMLP

SIZES = (5, 8, 7, 3)


def ensemble(seed: int = 0, members: int = 4) -> EnsembleMLP:
    return EnsembleMLP(members, SIZES, torch.Generator().manual_seed(seed))


def member(network: EnsembleMLP, number: int, x: Tensor) -> Tensor:
    """Member `number` written as plain layers."""
    last = len(SIZES) - 2
    for layer in range(len(SIZES) - 1):
        x = x @ network.weights[layer][number] + network.biases[layer][number]
        x = functional.relu(x) if layer < last else x
    return x


def test_each_member_is_a_plain_network():
    network, x = ensemble(), torch.randn(4, 11, 5)
    together = network(x)
    assert together.shape == (4, 11, 3)
    for number in range(4):
        torch.testing.assert_close(together[number], member(network, number, x[number]))


def test_members_learn_independently():
    network, x = ensemble(), torch.randn(4, 11, 5)
    network(x)[2].sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        touched = parameter.grad.flatten(1).abs().sum(dim=1) > 0
        assert touched.tolist() == [False, False, True, False]


def test_members_differ_and_seeds_repeat():
    first, again, other = ensemble(1), ensemble(1), ensemble(2)
    x = torch.randn(1, 6, 5).expand(4, 6, 5)
    assert torch.equal(first(x), again(x))
    assert not torch.equal(first(x), other(x))
    outputs = first(x)
    assert all(not torch.equal(outputs[0], outputs[k]) for k in range(1, 4))


def test_initial_weights_follow_the_layer_s_width():
    for inputs, weight in zip(SIZES, ensemble().weights, strict=False):
        assert float(weight.detach().abs().max()) <= inputs**-0.5


def test_layer_norm_is_torchs_own_for_each_member():
    network = EnsembleMLP(2, (3, 8, 1), torch.Generator().manual_seed(0), layer_norm=True)
    with torch.no_grad():
        network.gains[0].uniform_(0.5, 2.0)
        network.offsets[0].uniform_(-1.0, 1.0)
    x = torch.randn(2, 5, 3)
    found = network(x)
    for member in range(2):
        summed = x[member] @ network.weights[0][member] + network.biases[0][member]
        gain, offset = network.gains[0][member, 0], network.offsets[0][member, 0]
        hidden = torch.relu(torch.nn.functional.layer_norm(summed, (8,), gain, offset))
        expected = hidden @ network.weights[1][member] + network.biases[1][member]
        assert torch.allclose(found[member], expected, atol=1e-5)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_frozen_members_give_the_same_without_gradients_of_weights(layer_norm):
    network = EnsembleMLP(4, SIZES, torch.Generator().manual_seed(0), layer_norm)
    x = torch.randn(4, 11, 5)
    expected = network(x).detach()
    chosen = x[[3, 1]].clone().requires_grad_()
    found = network.frozen(chosen, torch.tensor([3, 1]))
    torch.testing.assert_close(found, expected[[3, 1]])
    torch.testing.assert_close(network.frozen(x, torch.arange(4)), expected)
    found.sum().backward()
    assert chosen.grad is not None
    assert all(parameter.grad is None for parameter in network.parameters())


def test_silu_is_torchs_own_and_leaves_its_sums_for_the_gradient():
    network = EnsembleMLP(2, (3, 6, 1), torch.Generator().manual_seed(0), activation="silu")
    x = torch.randn(2, 5, 3)
    for number in range(2):
        hidden = functional.silu(x[number] @ network.weights[0][number] + network.biases[0][number])
        expected = hidden @ network.weights[1][number] + network.biases[1][number]
        torch.testing.assert_close(network(x)[number], expected)
    network.double()
    assert torch.autograd.gradcheck(network, x.double().requires_grad_())
