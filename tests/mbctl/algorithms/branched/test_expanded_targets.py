"""STEVE's targets in a model: written out they are the same; ends, noise and models as set."""

import pytest
import torch
from torch import Tensor

from mbctl.algorithms.branched.expanded_targets import ValueExpansion
from mbctl.algorithms.branched.settings import MaacSettings
from mbctl.algorithms.sac.transitions import Transitions
from mbctl.critics.twin_q import TwinQ
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.policies.squashed import SquashedGaussianPolicy
from tests.conformance.point_mass import PointMass

TASK = PointMass()
ALPHA = 0.3
ROWS = 6


def make(members: int = 3, task: PointMass = TASK, **settings: object) -> ValueExpansion:
    checked = MaacSettings.model_validate(
        {"members": members, "elites": members, "expansion_share": 1.0, "gamma": 0.9, **settings}
    )
    generator = torch.Generator().manual_seed(0)
    model = ProbabilisticEnsemble(
        task, (8,), members, members, False, False, "silu", generator, False
    )
    policy = SquashedGaussianPolicy(6, 2, (8,), None, generator)
    return ValueExpansion(task, model, policy, TwinQ(6, 2, (8,), False, generator), checked)


def batch(terminated: float = 0.0) -> Transitions:
    generator = torch.Generator().manual_seed(1)
    before, after = torch.randn(2, ROWS, 6, generator=generator)
    action = torch.rand(ROWS, 2, generator=generator)
    reward = torch.randn(ROWS, generator=generator)
    return Transitions(before, action, reward, after, torch.full((ROWS,), terminated))


def drawn(seed: int = 4) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_without_model_steps_it_is_the_soft_actor_critics_target():
    expansion, transitions = make(expansion_horizon=0), batch()
    target = expansion.target(transitions, ALPHA, drawn())
    after = transitions.next_observation
    action, log_prob = expansion.policy.sample(after, drawn())
    value = expansion.critic.target_minimum(after, action) - ALPHA * log_prob.detach()
    assert torch.allclose(target.value, transitions.reward + 0.9 * value, atol=1e-6)
    assert torch.equal(target.weight, torch.ones(1, ROWS))


def test_written_out_for_one_step_it_is_the_same():
    expansion, transitions = make(expansion_horizon=1, model_noise=False), batch()
    value, weight = expansion.target(transitions, ALPHA, drawn())
    after = transitions.next_observation
    generator = drawn()
    action, log_prob = expansion.policy.sample(after, generator)
    first = expansion.critic.target_values(after, action) - ALPHA * log_prob
    noise = torch.randn(ROWS, 2, generator=generator)
    candidates = []  # of each model, [2, B]
    physical, goal = TASK.physical(after), TASK.goal(after)
    asked = (x.expand(3, ROWS, -1) for x in (physical, action))
    for arrived in expansion.model.predict(*asked):
        seen = TASK.observation(arrived, action, goal)
        mean, log_std = expansion.policy.distribution(seen)
        pre = mean + log_std.exp() * noise
        density = torch.distributions.Normal(mean, log_std.exp()).log_prob(pre)
        density = density - torch.log(1 - torch.tanh(pre) ** 2)
        soft = -ALPHA * density.sum(dim=1)
        then = expansion.critic.target_values(seen, torch.tanh(pre)) + soft
        earned = TASK.reward(arrived, goal) - TASK.action_cost(action) - ALPHA * log_prob
        candidates.append(transitions.reward + 0.9 * earned + 0.81 * then)
    ahead = torch.stack(candidates).detach()  # [M, 2, B]
    now = (transitions.reward + 0.9 * first).detach()
    precision = torch.stack(
        [1 / (now.var(dim=0, correction=0)), 1 / ahead.flatten(0, 1).var(dim=0, correction=0)]
    )
    expected = precision / precision.sum(dim=0)
    assert torch.allclose(weight, expected, atol=1e-3)
    smaller = torch.stack([now.amin(dim=0), ahead.amin(dim=1).mean(dim=0)])
    assert torch.allclose(value, (expected * smaller).sum(dim=0), atol=1e-3)


def test_where_the_episode_ended_the_target_is_the_reward():
    expansion, transitions = make(), batch(terminated=1.0)
    assert torch.allclose(expansion.target(transitions, ALPHA, drawn()).value, transitions.reward)


def test_imagined_ends_leave_out_what_is_behind_them():
    """Everything but the origin is the end: one imagined reward counts, no value behind it."""
    expansion, transitions = make(task=PointMass(far_m=0.0), members=1, model_noise=False), batch()
    expansion.critic.target.requires_grad_(False)
    for parameter in expansion.critic.target.parameters():
        parameter.fill_(0.0)
    value, weight = expansion.target(transitions, 0.0, drawn())
    after = transitions.next_observation
    action, _ = expansion.policy.sample(after, drawn())
    arrived = expansion.model.predict(TASK.physical(after)[None], action[None])[0]
    ahead = transitions.reward + 0.9 * TASK.reward(arrived, TASK.goal(after))
    expected = weight[0] * transitions.reward + (1 - weight[0]) * ahead
    assert torch.allclose(value, expected.detach(), atol=1e-5)


def test_models_that_agree_differ_by_no_noise():
    """All weights the same: then only critics differ, and longer horizons discount that."""
    expansion = make(members=4)
    with torch.no_grad():
        for parameter in expansion.model.network.parameters():
            parameter.copy_(parameter[:1].expand_as(parameter))
    several = expansion.target(batch(), ALPHA, drawn()).value
    one = make(members=1)
    one.policy, one.critic = expansion.policy, expansion.critic
    for mine, other in zip(
        one.model.network.parameters(), expansion.model.network.parameters(), strict=True
    ):
        mine.detach().copy_(other[:1])
    assert torch.allclose(several, one.target(batch(), ALPHA, drawn()).value, atol=1e-4)


def test_only_elites_are_asked():
    expansion = make(members=3, expansion_share=0.34)
    expansion.model.elites = (2,)
    with torch.no_grad():
        for parameter in expansion.model.network.parameters():
            parameter[:2] = torch.nan
    assert bool(expansion.target(batch(), ALPHA, drawn()).value.isfinite().all())


def test_targets_have_no_gradient_and_cost_critics_none():
    expansion = make()
    assert not expansion.target(batch(), torch.tensor(ALPHA), drawn()).value.requires_grad


@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_imagined_rewards_are_in_the_batchs_units(scale):
    expansion = make(reward_scale=scale)
    at, goal = torch.tensor([[[3.0, 4.0, 0.0, 0.0]]]), torch.zeros(1, 2)
    reward = expansion.reward(at, torch.zeros(1, 1, 2), goal, None)
    assert reward.tolist() == [[pytest.approx(-5.0 * scale)]]
    learned: Tensor = torch.tensor([[7.0]])
    reward = expansion.reward(at, torch.zeros(1, 1, 2), goal, learned)
    assert reward.tolist() == [[pytest.approx(7.0 * scale)]]
