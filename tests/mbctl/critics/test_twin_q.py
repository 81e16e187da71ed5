"""Twin critics: targets follow as written, actors get the right gradient, weights none."""

import pytest
import torch

from mbctl.critics.twin_q import TwinQ


def make(layer_norm: bool = False) -> TwinQ:
    return TwinQ(4, 2, (8, 8), layer_norm, torch.Generator().manual_seed(0))


def rows(count: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 4, generator=generator), torch.randn(count, 2, generator=generator)


def test_the_critics_differ_and_their_targets_begin_as_they_are():
    critic, (observation, action) = make(), rows()
    first, second = critic.values(observation, action).detach()
    assert not torch.allclose(first, second)
    assert torch.equal(critic.target_values(observation, action), torch.stack([first, second]))
    minimum = torch.minimum(first, second)
    assert torch.equal(critic.target_minimum(observation, action), minimum)
    assert torch.equal(critic.minimum_for_actor(observation, action), minimum)


def test_targets_follow_geometrically():
    critic = make()
    with torch.no_grad():
        for parameter in critic.network.parameters():
            parameter.fill_(1.0)
        for slow in critic.target.parameters():
            slow.fill_(3.0)
    for _ in range(4):
        critic.track(0.25)
    for slow in critic.target.parameters():
        assert torch.allclose(slow, torch.full_like(slow, 1.0 + 2.0 * 0.75**4))


def test_inputs_are_standardised():
    critic, (observation, action) = make(), rows()
    plain = critic.values(observation, action)
    critic.input_shift += 2.0
    critic.input_scale *= 3.0
    assert torch.allclose(critic.values(3.0 * observation + 2.0, action), plain, atol=1e-5)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_an_actors_gradient_is_by_the_action_alone(layer_norm):
    critic, (observation, action) = make(layer_norm), rows()
    critic.minimum_for_actor(observation, action.requires_grad_()).sum().backward()
    assert all(parameter.grad is None for parameter in critic.network.parameters())
    assert all(parameter.requires_grad for parameter in critic.network.parameters())
    critic.double()
    exact = action.detach().double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a: critic.minimum_for_actor(observation.double(), a), (exact,)
    )
    by_hand = torch.autograd.grad(
        critic.minimum_for_actor(observation.double(), exact).sum(), exact
    )
    assert action.grad is not None
    assert torch.allclose(action.grad.double(), by_hand[0], atol=1e-5)


def test_both_learn_what_they_are_told():
    critic = TwinQ(4, 2, (32, 32), True, torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(critic.network.parameters(), lr=3e-3)
    observation, action = rows(300)
    wanted = observation[:, 0] - 2.0 * action[:, 1].square()
    for _ in range(300):
        loss = (critic.values(observation, action) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    left = (critic.values(observation, action) - wanted).square().mean(dim=1)
    assert (left < 0.05 * wanted.var()).all()
