"""One update of MEMB: closed forms, gradients by finite differences, and the gain of an LQR."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from mbctl.algorithms.memb.actor_critic import EmbeddedActorCritic
from mbctl.algorithms.memb.model import EmbeddedModel
from mbctl.algorithms.memb.settings import MembSettings
from mbctl.algorithms.sac.transitions import Transitions
from mbctl.critics.soft_value import SoftValue
from mbctl.critics.twin_q import TwinQ
from mbctl.policies.squashed import SquashedGaussianPolicy
from tests.conformance.point_mass import PointMass

TASK = PointMass()


@dataclass(frozen=True)
class CostlyPointMass(PointMass):
    def action_cost(self, applied_action: Any) -> Any:
        return 0.3 * (applied_action**2).sum(-1)


@dataclass(frozen=True)
class Linear(PointMass):
    """x' = 0.9 x + 0.5 u in each of both places, which are all that counts; u costs 0.4 u^2."""

    def step(self, physical: Any, action: Any) -> Any:
        return torch.cat([0.9 * physical[:, :2] + 0.5 * action, physical[:, 2:]], dim=-1)

    def reward(self, physical: Any, goal: Any) -> Any:
        return -(physical[..., :2] ** 2).sum(-1)

    def action_cost(self, applied_action: Any) -> Any:
        return 0.4 * (applied_action**2).sum(-1)


@pytest.fixture
def double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def seeded(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(
    task: PointMass = TASK, hidden: tuple[int, ...] = (8, 8), **changes: object
) -> EmbeddedActorCritic:
    generator = seeded(0)
    settings = MembSettings.model_validate({"model_hidden": [8], **changes})
    policy = SquashedGaussianPolicy(6, 2, hidden, None, generator)
    critic = TwinQ(6, 2, (8, 8), False, generator)
    value = SoftValue(6, (8, 8), False, generator)
    model = EmbeddedModel(task, settings, None, generator)
    return EmbeddedActorCritic(task, policy, critic, value, model, settings)


def drawn(count: int = 32) -> Transitions:
    generator = seeded(1)
    observation = torch.randn(count, 6, generator=generator)
    action = 2 * torch.rand(count, 2, generator=generator) - 1
    after = TASK.observation(
        TASK.step(TASK.physical(observation), action), action, TASK.goal(observation)
    )
    reward = TASK.reward(TASK.physical(after), TASK.goal(after))
    return Transitions(observation, action, reward, after, torch.zeros(count))


def flat(tensors: Any) -> Tensor:
    return torch.cat([t.detach().flatten() for t in tensors]).clone()


def imagined(learner: EmbeddedActorCritic, observation: Tensor, alpha: float = 0.2) -> Tensor:
    generator = seeded()
    action, log_prob = learner.policy.sample(observation, generator)
    applied = learner.applied(observation, action)
    return learner.imagined_value(
        observation, action, applied, log_prob, torch.tensor(alpha), generator
    )


def test_with_the_true_model_it_is_the_soft_bellman_equation():
    learner, batch = make(CostlyPointMass(), true_model=True, learned_reward=False), drawn()
    action, log_prob = learner.policy.sample(batch.observation, seeded())
    goal = TASK.goal(batch.observation)
    after = TASK.step(TASK.physical(batch.observation), action)
    reward = TASK.reward(after, goal) - 0.3 * action.square().sum(dim=-1)
    future = learner.value.values(TASK.observation(after, action, goal))
    expected = reward - 0.2 * log_prob + 0.99 * future
    assert torch.allclose(imagined(learner, batch.observation), expected, atol=1e-5)


def test_the_tasks_reward_is_in_the_units_of_the_batches():
    plain = make(true_model=True, learned_reward=False, gamma=1e-9)
    scaled = make(true_model=True, learned_reward=False, gamma=1e-9, reward_scale=3.0)
    batch = drawn()
    ratio = imagined(scaled, batch.observation, alpha=0.0) / imagined(
        plain, batch.observation, alpha=0.0
    )
    assert torch.allclose(ratio, torch.full_like(ratio, 3.0), atol=1e-5)


def test_an_imagined_end_takes_the_value_away_only_where_it_is_known():
    observation = torch.zeros(1, 6)
    observation[:, 0] = 50.0  # far outside, and there after any step
    outcomes = []
    for known, gamma in ((True, 0.9), (False, 0.9), (True, 1e-9)):
        learner = make(true_model=True, learned_reward=False, known_termination=known, gamma=gamma)
        outcomes.append(imagined(learner, observation).item())
    assert outcomes[0] == pytest.approx(outcomes[2])
    assert outcomes[1] != pytest.approx(outcomes[2])


@pytest.mark.parametrize("learned", [True, False], ids=["learned", "true"])
@pytest.mark.usefixtures("double")
def test_the_policys_gradient_agrees_with_finite_differences(learned):
    learner, batch = make(true_model=not learned, learned_reward=learned), drawn()
    parameters, generator = learner.policy.ordered, seeded(9)
    loss = imagined(learner, batch.observation).mean()
    gradient = torch.autograd.grad(loss, parameters)
    for _ in range(5):
        direction = [torch.randn(p.shape, generator=generator) for p in parameters]
        slope = sum((g * d).sum() for g, d in zip(gradient, direction, strict=True))
        ends = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                for p, d in zip(parameters, direction, strict=True):
                    p.add_(d, alpha=step)
                ends.append(imagined(learner, batch.observation).mean())
                for p, d in zip(parameters, direction, strict=True):
                    p.sub_(d, alpha=step)
        assert (ends[0] - ends[1]).item() / 2e-6 == pytest.approx(float(slope), rel=1e-4)


def test_only_the_policy_learns_from_the_model():
    learner, batch = make(), drawn()
    learner.losses(batch, seeded())["policy_loss"].backward()
    assert all(p.grad is not None for p in learner.policy.ordered)
    weights = [*learner.critic.network.parameters(), *learner.value.network.parameters()]
    for net in learner.model.nets().values():
        weights += list(net.network.parameters())
    assert all(p.grad is None for p in weights)
    assert all(p.requires_grad for p in weights)


def test_values_learn_from_real_rows_alone():
    learner, batch = make(), drawn()
    before = learner.losses(batch, seeded())
    for net in learner.model.nets().values():
        with torch.no_grad():
            net.network.weights[0].mul_(5.0)
    after = learner.losses(batch, seeded())
    assert torch.equal(before["critic_loss"], after["critic_loss"])
    assert torch.equal(before["value_loss"], after["value_loss"])
    assert not torch.equal(before["policy_loss"], after["policy_loss"])


def test_the_targets_are_those_of_the_paper():
    learner, batch = make(initial_temperature=0.2), drawn()
    losses = learner.losses(batch, seeded())
    future = learner.value.target_values(batch.next_observation)
    q = learner.critic.values(batch.observation, batch.action)
    errors = (q - batch.reward - 0.99 * future).square().mean(dim=1)
    assert torch.allclose(losses["critic_loss"], 0.5 * errors.sum())
    action, log_prob = learner.policy.sample(batch.observation, seeded())
    smaller = learner.critic.values(batch.observation, action).min(dim=0).values
    error = learner.value.values(batch.observation) - smaller + 0.2 * log_prob
    assert torch.allclose(losses["value_loss"], 0.5 * error.square().mean())


def test_every_part_moves_and_the_target_by_its_rate():
    learner, batch = make(target_rate=0.25), drawn()
    parts = (
        list(learner.critic.network.parameters()),
        list(learner.value.network.parameters()),
        learner.policy.ordered,
    )
    before, slow = [flat(p) for p in parts], flat(learner.value.target.parameters())
    learner.update(batch, seeded())
    after = [flat(p) for p in parts]
    assert not any(torch.equal(b, a) for b, a in zip(before, after, strict=True))
    followed = slow + 0.25 * (after[1] - slow)
    assert torch.allclose(flat(learner.value.target.parameters()), followed, atol=1e-7)
    assert {"q", "entropy", "temperature", "policy_loss"} <= learner.metrics().keys()


def test_the_temperature_stays_unless_it_is_to_be_learned():
    fixed = make(initial_temperature=0.3)
    learned = make(initial_temperature=0.3, learn_temperature=True, target_entropy=-100.0)
    for learner in (fixed, learned):
        learner.update(drawn(), seeded())
    assert fixed.metrics()["temperature"] == pytest.approx(0.3)
    assert learned.metrics()["temperature"] < 0.3


class QuadraticValue(SoftValue):
    """The value of a linear-quadratic regulator, -p x^2."""

    p = 0.0

    def values_for_actor(self, observation: Tensor) -> Tensor:
        return -self.p * observation[:, :2].square().sum(dim=-1)


def test_with_the_value_of_an_lqr_it_finds_the_gain():
    a, b, cost, gamma = 0.9, 0.5, 0.4, 0.9
    p, gain = 0.0, 0.0  # of V(x) = -p x^2 and u = -gain x, by the Riccati recursion
    for _ in range(200):
        after = 1.0 + gamma * p
        gain = after * a * b / (cost + after * b**2)
        p = after * (a - b * gain) ** 2 + cost * gain**2
    learner = make(
        Linear(),
        (32,),
        true_model=True,
        learned_reward=False,
        gamma=gamma,
        initial_temperature=1e-4,
        policy_learning_rate=3e-3,
    )
    learner.value = QuadraticValue(6, (), False, seeded())
    learner.value.p = p
    optimizer, generator = torch.optim.Adam(learner.policy.ordered, lr=5e-3), seeded()
    for _ in range(800):
        observation = torch.rand(64, 6, generator=generator) - 0.5
        action, log_prob = learner.policy.sample(observation, generator)
        loss = -learner.imagined_value(
            observation, action, action, log_prob, torch.tensor(1e-4), generator
        ).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    observation = torch.rand(200, 6, generator=generator) - 0.5
    with torch.no_grad():
        action = learner.policy.mean(observation)
    assert torch.allclose(action, -gain * observation[:, :2], atol=0.05)
