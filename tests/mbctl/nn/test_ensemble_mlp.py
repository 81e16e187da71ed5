"""An ensemble in one batched product is its members one by one."""

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
