"""One update: written twice it is the same, and its parts move where they should."""

import math
from dataclasses import replace

import pytest
import torch

from mbctl.algorithms.sac.settings import ENTROPY_MAX, SacSettings
from mbctl.algorithms.sac.soft_actor_critic import SoftActorCritic
from mbctl.algorithms.sac.transitions import Transitions, TransitionSource
from mbctl.critics.twin_q import TwinQ
from mbctl.policies.squashed import SquashedGaussianPolicy, squashed_log_prob
from mbctl.tasks.registry import make_task

TASK = make_task("dclaw-turn-random")
SEED = 5


def make(**settings: object) -> SoftActorCritic:
    generator = torch.Generator().manual_seed(0)
    observations = len(TASK.observation_names)
    policy = SquashedGaussianPolicy(observations, 9, (16, 16), None, generator)
    critic = TwinQ(observations, 9, (16, 16), False, generator)
    return SoftActorCritic(TASK, policy, critic, SacSettings.model_validate(settings))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(SEED)


@pytest.fixture
def batch(replay) -> Transitions:
    return TransitionSource(TASK, replay, SacSettings(), None).draw(32, generator())


def flat(tensors) -> torch.Tensor:
    return torch.cat([t.detach().flatten() for t in tensors]).clone()


def test_it_is_the_plainly_written_update(replay):
    from services.bench.sac import SacSizes, sac_difference

    assert sac_difference(TASK, replay, SacSizes((16, 16), 32), updates=4) < 1e-4


def test_every_part_moves_and_targets_by_their_rate(batch):
    learner = make(target_rate=0.25)
    critic, policy = learner.critic, learner.policy
    before = [
        flat(critic.network.parameters()),
        flat(critic.target.parameters()),
        flat(policy.ordered),
    ]
    learner.update(batch, generator())
    after = [
        flat(critic.network.parameters()),
        flat(critic.target.parameters()),
        flat(policy.ordered),
    ]
    assert not any(torch.equal(b, a) for b, a in zip(before, after, strict=True))
    assert torch.allclose(after[1], before[1] + 0.25 * (after[0] - before[1]), atol=1e-7)
    assert learner.metrics().keys() == {"critic_loss", "q", "entropy", "temperature"}


def test_a_temperature_that_is_not_learned_stays(batch):
    fixed = make(learn_temperature=False, initial_temperature=0.2)
    learned = make(initial_temperature=0.2, target_entropy=-100.0)
    for learner in (fixed, learned):
        learner.update(batch, generator())
    assert fixed.metrics()["temperature"] == pytest.approx(0.2)
    assert learned.metrics()["temperature"] < 0.2  # there is more entropy than is wanted


def test_critics_that_are_lost_are_not_reported_as_learning(batch):
    learner = make()
    learner.update(replace(batch, reward=torch.full_like(batch.reward, torch.nan)), generator())
    learner.update(batch, generator())
    with pytest.raises(FloatingPointError, match=r"critic_loss = nan; look for rows"):
        learner.metrics()


def test_the_target_entropy_is_minus_the_number_of_joints():
    assert make().target_entropy == -9.0
    assert make(target_entropy=-3.0).target_entropy == -3.0
    with pytest.raises(ValueError, match=r"must be below 6\.152"):
        make(target_entropy=7.0)


def test_no_squashed_gaussian_has_more_entropy_than_the_limit():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn((200_000, 1), generator=generator, dtype=torch.float64)
    entropies = [
        -float(
            squashed_log_prob(
                mean + std * noise, noise, torch.full_like(noise, math.log(std))
            ).mean()
        )
        for mean in (0.0, 0.3)
        for std in (0.5, 0.8, 0.875, 0.95, 1.5)
    ]
    assert max(entropies) == pytest.approx(ENTROPY_MAX, abs=2e-3)


def test_an_end_makes_the_target_the_reward_alone(batch):
    ended = Transitions(
        batch.observation,
        batch.action,
        torch.full_like(batch.reward, 7.0),
        batch.next_observation,
        torch.ones_like(batch.terminated),
    )
    learner = make(critic_learning_rate=1e-2, policy_learning_rate=1e-5)
    for _ in range(300):
        learner.update(ended, generator())
    values = learner.critic.values(ended.observation, ended.action)
    assert torch.allclose(values, torch.full_like(values, 7.0), atol=0.3)


def test_critics_are_asked_about_what_the_robot_would_do(batch):
    learner = make()
    request = torch.ones(32, 9, requires_grad=True)
    applied = learner.applied(batch.observation, request)
    expected = TASK.applied_action(TASK.physical(batch.observation), torch.ones(32, 9))
    assert torch.equal(applied.detach(), expected)
    assert (applied < 0.99).any()  # the velocity bound cuts some


@pytest.mark.parametrize(("setting", "cut"), [("exact", 0.0), ("straight_through", 1.0)])
def test_the_gradient_beyond_the_bound_is_as_set(batch, setting, cut):
    learner = make(bound_gradient=setting)
    request = torch.ones(32, 9, requires_grad=True)
    applied = learner.applied(batch.observation, request)
    applied.sum().backward()
    beyond = applied.detach() < 0.99
    assert beyond.any()
    assert request.grad is not None
    assert (request.grad[beyond] == cut).all()


def test_the_policy_climbs_its_critics(batch):
    learner = make(policy_learning_rate=3e-3, learn_temperature=False, initial_temperature=1e-3)

    def value() -> float:
        with torch.no_grad():
            action = learner.policy.mean(batch.observation)
            applied = learner.applied(batch.observation, action)
            return learner.critic.target_minimum(batch.observation, applied).mean().item()

    before = value()
    for group in learner.critic_optimizer.param_groups:
        group["lr"] = 0.0
    for _ in range(60):
        learner.update(batch, generator())
    assert value() > before + 0.01
