"""A sampled network: what it draws, in which units, and by what it can be differentiated."""

import pytest
import torch

from mbctl.models.sampled_gaussian import SampledGaussian


def make(hidden: tuple[int, ...] = (8,)) -> SampledGaussian:
    return SampledGaussian(3, 2, hidden, torch.Generator().manual_seed(0))


def drawn(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def in_units(net: SampledGaussian, keep: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = 5.0 * drawn(200, 3) + 2.0
    targets = torch.tensor([100.0, 0.01]) * drawn(200, 2, seed=2) + torch.tensor([7.0, -3.0])
    net.set_units(inputs, targets, keep)
    return inputs, targets


def test_units_are_those_of_the_data():
    net = make()
    inputs, targets = in_units(net)
    assert torch.allclose(net.unit_targets(targets).std(dim=0, correction=0), torch.ones(2))
    assert torch.allclose(net.unit_targets(targets).mean(dim=0), torch.zeros(2), atol=1e-4)
    assert torch.allclose(net.input_shift, inputs.mean(dim=0))
    assert torch.allclose(net.input_scale, inputs.std(dim=0, correction=0))


def test_a_constant_column_has_a_unit_of_one():
    net = make()
    net.set_units(torch.ones(10, 3), torch.full((10, 2), 4.0), keep=False)
    assert torch.equal(net.input_scale, torch.ones(3))
    assert torch.equal(net.unit_targets(torch.full((10, 2), 5.0)), torch.ones(10, 2))


@pytest.mark.parametrize("hidden", [(), (8,), (8, 8)])
def test_new_units_leave_a_learned_function_what_it_was(hidden):
    net = make(hidden)
    in_units(net)
    inputs, generator = drawn(20, 3, seed=3), torch.Generator()
    mean, sample = net.mean(inputs), net.sample(inputs, generator.manual_seed(4))
    scale = net.target_scale.clone()
    net.set_units(9.0 * drawn(50, 3, seed=5), 3.0 * drawn(50, 2, seed=6) + 1.0, keep=True)
    assert not torch.allclose(net.target_scale, scale)
    again = net.sample(inputs, generator.manual_seed(4))
    for now, before in ((net.mean(inputs), mean), (again, sample)):
        assert torch.allclose(now, before, rtol=1e-4, atol=2e-5 * float(scale.max()))


def test_samples_have_the_mean_and_the_deviation_of_the_heads():
    net = make()
    in_units(net)
    inputs = drawn(1, 3)
    samples = net.sample(inputs.expand(100_000, 3), torch.Generator().manual_seed(2))
    _, deviation = net.unit_heads(inputs)
    expected = (net.target_scale * deviation.detach().abs())[0]
    assert torch.allclose(samples.std(dim=0), expected, rtol=0.02)
    error = (samples.mean(dim=0) - net.mean(inputs)[0]).abs()
    assert (error < 5 * expected / 100_000**0.5).all()


def test_a_sample_is_differentiable_by_the_inputs_alone():
    net = make((8, 8))
    in_units(net)
    inputs = drawn(4, 3).requires_grad_()
    net.sample(inputs, torch.Generator().manual_seed(0)).sum().backward()
    assert inputs.grad is not None
    assert all(p.grad is None and p.requires_grad for p in net.network.parameters())


def test_the_gradient_of_a_sample_agrees_with_finite_differences():
    net = make((8, 8))
    net.network.double()
    inputs = drawn(4, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: net.sample(x, torch.Generator().manual_seed(0)), (inputs,)
    )
    mean, deviation = (heads.detach() for heads in net.unit_heads(inputs))
    noise = torch.randn(4, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sample = net.sample(inputs, torch.Generator().manual_seed(0))
    assert torch.allclose(sample, mean + deviation * noise)
