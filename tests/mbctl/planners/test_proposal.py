"""A policy's rollouts in the model, and its mirror image undone."""

import pytest
import torch
from torch import Tensor

from mbctl.planners.proposal import GaussianPrior, PolicyProposal, SquashedPrior
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.registry import make_task
from tests.mbctl.planners.point_mass import PointMass, PointMasses

START, LAST, GOAL = torch.tensor([0.2, 0.0]), torch.zeros(1), torch.tensor([1.0])


class Chaser:
    """Accelerates towards the goal; told apart by what it saw."""

    def __init__(self, std: float = 0.1) -> None:
        self.std = std
        self.seen: list[Tensor] = []

    def distribution(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        self.seen.append(observation)
        mean = 0.5 * (observation[:, 3:] - observation[:, :1]) - 0.3 * observation[:, 1:2]
        return mean, torch.full_like(mean, self.std)


def roll(prior: Chaser, count: int, *gains: float, horizon: int = 4):
    generator = torch.Generator().manual_seed(0)
    model = PointMasses(*gains)
    proposal = PolicyProposal(PointMass(), model, prior, count, generator)
    return proposal.roll(START, LAST, GOAL, horizon)


def test_the_first_sequences_are_the_policy_without_noise_in_each_member():
    gains = (0.5, 1.0, 2.0)
    proposed = roll(Chaser(), 12, *gains)
    assert proposed.actions.shape == (4, 12, 1)
    for e, gain in enumerate(gains):
        state, model, chaser = START[None, None], PointMasses(gain), Chaser()
        for t in range(4):
            action, _ = chaser.distribution(torch.cat([state[0, 0], LAST, GOAL])[None])
            assert torch.allclose(proposed.actions[t, e], action[0], atol=1e-6)
            state = model.predict(state, action[None])
    assert (proposed.actions[0, 3:] != proposed.actions[0, 0]).all()


def test_noise_has_the_policys_size():
    proposed = roll(Chaser(std=0.1), 2000, 1.0, horizon=2)
    assert float(proposed.actions[0, 1:].std()) == pytest.approx(0.1, rel=0.1)
    assert torch.allclose(proposed.std, torch.full((2, 1), 0.1))


def test_the_policy_sees_its_own_last_action():
    chaser = Chaser()
    proposed = roll(chaser, 2, 1.0, 0.5)
    for t in range(1, 4):
        assert torch.equal(chaser.seen[t][:, 2], proposed.actions[t - 1, :, 0])


def test_there_is_a_rollout_in_each_member_at_least():
    assert roll(Chaser(), 1, 1.0, 0.5, 2.0).actions.shape[1] == 3
    assert roll(Chaser(), 11, 1.0, 0.5, 2.0).actions.shape[1] == 9


def test_proposals_are_within_the_range_of_actions():
    proposed = roll(Chaser(std=5.0), 40, 1.0)
    assert proposed.actions.abs().max() == 1.0


def test_a_mirrored_policy_is_turned_back():
    task = make_task("dclaw-turn-random")
    assert task.reflection is not None
    generator = torch.Generator().manual_seed(1)
    width = len(task.observation_names)
    policy = GaussianPolicy(width, 9, (16,), -1.0, -3.0, task.reflection, generator)
    policy.log_std.copy_(torch.linspace(-2, 0, 9))
    seen = torch.randn(6, width, generator=generator)
    mirrored = seen.clone()
    everywhere = torch.ones(6, 1, dtype=torch.bool)
    mirrored = task.reflection.observation(mirrored, everywhere)
    mean, std = GaussianPrior(policy).distribution(seen)
    image_mean, image_std = GaussianPrior(policy).distribution(mirrored)
    assert torch.allclose(task.reflection.action(mean, everywhere), image_mean, atol=1e-6)
    assert torch.allclose(task.reflection.action(std, everywhere).abs(), image_std)
    assert std.min() > 0


def test_a_squashed_policys_deviation_is_that_of_its_actions():
    generator = torch.Generator().manual_seed(1)
    policy = SquashedGaussianPolicy(3, 2, (16,), None, generator)
    with torch.no_grad():
        for parameter in policy.ordered[-2:]:
            parameter.mul_(100)  # means off 0, deviations apart
        seen = torch.randn(4, 3, generator=generator)
        mean, std = SquashedPrior(policy).distribution(seen)
        actions, _ = policy.sample(seen.repeat(20_000, 1), generator)
        drawn = actions.reshape(20_000, 4, 2)
        about_mean = (drawn - mean).square().mean(dim=0).sqrt()
    torch.testing.assert_close(mean, policy.mean(seen))
    torch.testing.assert_close(std, about_mean, rtol=0.05, atol=0.0)
