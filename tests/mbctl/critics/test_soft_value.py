"""The soft value: its target follows as written, actors get the right gradient, weights none."""

import pytest
import torch

from mbctl.critics.soft_value import SoftValue


def make(layer_norm: bool = False) -> SoftValue:
    return SoftValue(4, (8, 8), layer_norm, torch.Generator().manual_seed(0))


def rows(count: int = 5) -> torch.Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(1))


def test_the_target_begins_as_the_network_and_takes_no_gradient():
    value = make()
    assert torch.equal(value.target_values(rows()), value.values(rows()))
    assert not value.target_values(rows()).requires_grad
    assert not any(p.requires_grad for p in value.target.parameters())


def test_the_target_follows_geometrically():
    value = make()
    with torch.no_grad():
        for parameter in value.network.parameters():
            parameter.fill_(1.0)
        for slow in value.target.parameters():
            slow.fill_(3.0)
    for _ in range(4):
        value.track(0.25)
    for slow in value.target.parameters():
        assert torch.allclose(slow, torch.full_like(slow, 1.0 + 2.0 * 0.75**4))


def test_inputs_are_standardised():
    value = make()
    plain = value.values(rows())
    value.input_shift += 2.0
    value.input_scale *= 3.0
    assert torch.allclose(value.values(3.0 * rows() + 2.0), plain, atol=1e-5)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_an_actors_gradient_is_by_the_observation_alone(layer_norm):
    value = make(layer_norm)
    value.double()
    seen = rows().double().requires_grad_()
    value.values_for_actor(seen).sum().backward()
    assert all(parameter.grad is None for parameter in value.network.parameters())
    assert all(parameter.requires_grad for parameter in value.network.parameters())
    assert torch.autograd.gradcheck(value.values_for_actor, (seen,))


def test_it_learns_what_it_is_told():
    value = SoftValue(4, (32, 32), True, torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(value.network.parameters(), lr=3e-3)
    seen = rows(300)
    wanted = seen[:, 0] - seen[:, 1].square()
    for _ in range(300):
        loss = (value.values(seen) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (value.values(seen) - wanted).square().mean() < 0.05 * wanted.var()
