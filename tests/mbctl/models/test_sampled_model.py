"""MEMB's dynamics and reward nets on a mass whose motion is known."""

import torch

from mbctl.losses.memb import sampled_error
from mbctl.models.sampled_gaussian import SampledGaussian
from mbctl.models.sampled_model import SampledDynamics, SampledReward
from tests.conformance.point_mass import PointMass

TASK = PointMass()


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def fit(net: SampledGaussian, inputs: torch.Tensor, targets: torch.Tensor) -> None:
    net.set_units(inputs, targets, keep=False)
    optimizer, generator = torch.optim.Adam(net.network.parameters(), lr=1e-2), seeded(3)
    for _ in range(800):
        mean, deviation = net.unit_heads(inputs)
        noise = torch.randn(mean.shape, generator=generator)
        loss = sampled_error(mean, deviation, noise, net.unit_targets(targets))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def moves(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = seeded(seed)
    physical = 2 * torch.rand(count, 4, generator=generator) - 1
    return physical, 2 * torch.rand(count, 2, generator=generator) - 1


def test_the_dynamics_learn_the_motion_and_its_slope():
    model = SampledDynamics(TASK, (), kinematic=False, generator=seeded(0))
    physical, action = moves(400, 1)
    after = TASK.step(physical, action)
    fit(model.gaussian, model.inputs(physical, action), after - physical)
    physical, action = moves(50, 2)
    action.requires_grad_()
    after = model.sample(physical, action, seeded(5))
    assert torch.allclose(after, TASK.step(physical, action), atol=0.05)
    (learned,) = torch.autograd.grad(after.sum(), action)
    (true,) = torch.autograd.grad(TASK.step(physical, action).sum(), action)
    assert torch.allclose(learned, true, atol=0.05)


def test_the_dynamics_serve_a_planner():
    model = SampledDynamics(TASK, (8,), kinematic=False, generator=seeded(0))
    physical, action = moves(6, 1)
    predicted = model.predict(physical[None], action[None])
    assert predicted.shape == (1, 6, 4)
    again = model.predict(physical[None], action[None])
    assert torch.equal(predicted, again)
    drawn = torch.stack([model.sample(physical, action, seeded(i)) for i in range(2000)])
    assert torch.allclose(drawn.mean(dim=0), predicted[0], atol=0.05)


def test_the_reward_is_one_of_observation_and_action():
    model = SampledReward(6, 2, (), seeded(0))
    generator = seeded(1)
    observation = torch.randn(400, 6, generator=generator)
    action = torch.rand(400, 2, generator=generator)
    reward = 3.0 * observation[:, 5] - 2.0 * action[:, 0] + 10.0
    fit(model.gaussian, model.inputs(observation, action), reward[:, None])
    sample = model.sample(observation, action, seeded(2))
    assert sample.shape == (400,)
    assert torch.allclose(sample, reward, atol=0.3)
