"""The analytic gradient, Fisher products and NPG step against automatic differentiation."""

import pytest
import torch
from torch import Tensor

from mbctl.algorithms.game.npg import conjugate_gradient, fisher_product, npg_step, policy_gradient
from mbctl.policies.gaussian import GaussianPolicy, Parameters

ROWS, OBSERVATIONS, ACTIONS = 64, 7, 3


@pytest.fixture
def policy() -> GaussianPolicy:
    generator = torch.Generator().manual_seed(3)
    made = GaussianPolicy(OBSERVATIONS, ACTIONS, (11, 5), -0.7, -3.0, None, generator)
    made.double()
    for p in made.ordered:
        p.add_(0.3 * torch.randn(p.shape, generator=generator).double())
    made.input_shift += 0.1
    made.input_scale *= 1.7
    return made


def restore(policy: GaussianPolicy, parameters: list[Tensor]) -> None:
    for held, parameter in zip(policy.ordered, parameters, strict=True):
        held.copy_(parameter)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    draw = [
        torch.randn(*s, generator=generator).double()
        for s in ((ROWS, OBSERVATIONS), (ROWS, ACTIONS), (ROWS,))
    ]
    return draw[0], draw[1], draw[2]


def log_prob(
    policy: GaussianPolicy, parameters: Parameters, observation: Tensor, action: Tensor
) -> Tensor:
    return (
        torch.distributions.Normal(mean(policy, parameters, observation), parameters[-1].exp())
        .log_prob(action)
        .sum(dim=1)
    )


def mean(policy: GaussianPolicy, parameters: Parameters, observation: Tensor) -> Tensor:
    h = (observation - policy.input_shift) / policy.input_scale
    for i in range(0, len(parameters) - 3, 2):
        h = torch.tanh(h @ parameters[i].T + parameters[i + 1])
    return h @ parameters[-3].T + parameters[-2]


def kl(policy: GaussianPolicy, new: Parameters, observation: Tensor) -> Tensor:
    old = [p.detach() for p in policy.ordered]
    a = torch.distributions.Normal(mean(policy, old, observation), old[-1].exp())
    b = torch.distributions.Normal(mean(policy, new, observation), new[-1].exp())
    return torch.distributions.kl_divergence(a, b).sum(dim=1).mean()


def flat(parameters: Parameters) -> Tensor:
    return torch.cat([p.reshape(-1) for p in parameters])


def test_policy_gradient_equals_autograd(policy, batch):
    observation, action, advantage = batch
    leaves = [p.clone().requires_grad_() for p in policy.ordered]
    loss = (log_prob(policy, leaves, observation, action) * advantage).mean()
    expected = torch.autograd.grad(loss, leaves)
    actual = policy_gradient(policy, policy.activations(observation), action, advantage)
    assert torch.allclose(flat(actual), flat(list(expected)), atol=1e-10)


def test_fisher_product_equals_hessian_of_kl(policy, batch):
    observation, _, _ = batch
    generator = torch.Generator().manual_seed(5)
    vector = [torch.randn(p.shape, generator=generator).double() for p in policy.ordered]
    leaves = [p.clone().requires_grad_() for p in policy.ordered]
    gradient = torch.autograd.grad(kl(policy, leaves, observation), leaves, create_graph=True)
    inner = sum((g * v).sum() for g, v in zip(gradient, vector, strict=True))
    expected = [
        g + 0.01 * v for g, v in zip(torch.autograd.grad(inner, leaves), vector, strict=True)
    ]
    actual = fisher_product(policy, policy.activations(observation), vector, damping=0.01)
    assert torch.allclose(flat(actual), flat(expected), atol=1e-9)


def test_conjugate_gradient_solves_the_system(policy, batch):
    observation, action, advantage = batch
    kept = policy.activations(observation)
    gradient = policy_gradient(policy, kept, action, advantage)
    solution = conjugate_gradient(policy, kept, gradient, iterations=400, damping=0.1)
    back = fisher_product(policy, kept, solution, damping=0.1)
    assert torch.allclose(flat(back), flat(gradient), atol=1e-8)


def test_step_moves_by_the_kl_it_announces(policy, batch):
    observation, action, advantage = batch
    before = [p.clone() for p in policy.ordered]
    report = npg_step(
        policy,
        observation,
        action,
        advantage,
        delta=1e-4,
        iterations=50,
        damping=1e-6,
        fisher_rows=ROWS,
        generator=torch.Generator(),
    )
    after = [p.clone() for p in policy.ordered]
    restore(policy, before)
    assert float(kl(policy, after, observation)) == pytest.approx(report.kl, rel=0.05)
    assert report.kl == pytest.approx(0.5e-4, rel=0.01)


def test_step_raises_the_surrogate(policy, batch):
    observation, action, advantage = batch
    before = log_prob(policy, policy.ordered, observation, action)
    npg_step(
        policy,
        observation,
        action,
        advantage,
        delta=1e-3,
        iterations=20,
        damping=1e-4,
        fisher_rows=ROWS,
        generator=torch.Generator(),
    )
    after = log_prob(policy, policy.ordered, observation, action)
    assert float(((after - before) * advantage).mean()) > 0


def test_a_step_that_is_not_finite_leaves_the_policy(policy, batch):
    observation, action, advantage = batch
    before = flat(policy.ordered).clone()
    with pytest.raises(FloatingPointError, match="not finite"):
        npg_step(
            policy,
            observation,
            action,
            advantage * float("nan"),
            delta=0.05,
            iterations=5,
            damping=1e-4,
            fisher_rows=ROWS,
            generator=torch.Generator(),
        )
    assert torch.equal(flat(policy.ordered), before)


@pytest.mark.parametrize("share", [8, 25])
def test_the_kl_holds_where_the_fisher_matrix_is_of_few_rows(share):
    """Rollouts lie side by side, and what tells them apart is their goal: a row every `share` would
    see 25 of 200 goals, or 8."""
    steps, rollouts, delta = 40, 400, 0.05
    generator = torch.Generator().manual_seed(6)
    policy = GaussianPolicy(OBSERVATIONS, ACTIONS, (64, 64), -1.0, -3.0, None, generator)
    goal = torch.randn(rollouts // 2, OBSERVATIONS, generator=generator).repeat(2, 1)
    observation = goal + 0.1 * torch.randn(steps, *goal.shape, generator=generator)
    observation = observation.flatten(0, 1)
    action = policy.mean(observation)
    action = action + torch.exp(policy.log_std) * torch.randn(action.shape, generator=generator)
    wanted = torch.randn(rollouts // 2, ACTIONS, generator=generator).repeat(2 * steps, 1)
    advantage = (action * wanted).sum(dim=1)
    before = [p.clone() for p in policy.ordered]
    npg_step(
        policy,
        observation,
        action,
        (advantage - advantage.mean()) / advantage.std(),
        delta=delta,
        iterations=10,
        damping=1e-4,
        fisher_rows=steps * rollouts // share,
        generator=generator,
    )
    after = [p.clone() for p in policy.ordered]
    restore(policy, before)
    assert float(kl(policy, after, observation)) == pytest.approx(delta / 2, rel=0.2)
