"""The pathwise objective: closed forms on linear tasks, gradients against finite differences."""

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from mbctl.losses.pathwise import Entropy, PathwiseReturn, pathwise_return
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.reflection import Reflection

GAMMA = 0.9
DOUBLE = torch.float64


@dataclass(frozen=True)
class Line:
    """x' = x + a on a line; the reward of arriving is 3 - x, acting costs a^2 / 2."""

    ends_beyond: float = math.inf
    bound: float = 1.0

    def observation(self, physical: Tensor, last_action: Tensor, goal: Tensor) -> Tensor:
        return torch.cat([physical, last_action], dim=-1)

    def applied_action(self, physical: Tensor, action: Tensor) -> Tensor:
        return action.clamp(-self.bound, self.bound)

    def action_cost(self, applied_action: Tensor) -> Tensor:
        return 0.5 * applied_action.square().sum(dim=-1)

    def reward(self, physical: Tensor, goal: Tensor) -> Tensor:
        return goal[..., 0] - physical[..., 0]

    def terminated(self, physical: Tensor) -> Tensor:
        return physical[..., 0] > self.ends_beyond


def line_step(physical: Tensor, action: Tensor) -> Tensor:
    return physical + action


def value_of(view: Tensor, action: Tensor) -> Tensor:
    return 10.0 * view[:, 0] + action[:, 0]


def policy_that_asks(action: float, reflection: Reflection | None = None) -> SquashedGaussianPolicy:
    """Always the same action, as good as without noise: its log sigma is -20."""
    policy = SquashedGaussianPolicy(2, 1, (4,), reflection, torch.Generator().manual_seed(0))
    for parameter in policy.ordered:
        parameter.detach().zero_()
    policy.ordered[-1].detach().copy_(torch.tensor([math.atanh(action), -20.0]))
    return doubled(policy)


def doubled(policy: SquashedGaussianPolicy) -> SquashedGaussianPolicy:
    return policy.to(DOUBLE)


def random_policy() -> SquashedGaussianPolicy:
    policy = SquashedGaussianPolicy(2, 1, (6,), None, torch.Generator().manual_seed(3))
    for parameter in policy.ordered[2:]:
        parameter.detach().mul_(50.0)
    return doubled(policy)


def returned(
    policy: SquashedGaussianPolicy,
    horizon: int,
    starts: list[float],
    task: Line | None = None,
    alpha: float = 0.0,
    entropy: Entropy = "path",
    terminal_actions: int = 1,
    straight_through: bool = False,
) -> PathwiseReturn:
    count = len(starts)
    return pathwise_return(
        task or Line(),
        line_step,
        policy,
        value_of,
        alpha,
        torch.tensor(starts, dtype=DOUBLE)[:, None],
        torch.zeros(count, 1, dtype=DOUBLE),
        torch.full((count, 1), 3.0, dtype=DOUBLE),
        horizon,
        GAMMA,
        torch.Generator().manual_seed(7),
        entropy=entropy,
        terminal_actions=terminal_actions,
        straight_through=straight_through,
    )


@pytest.mark.parametrize("horizon", [0, 1, 2, 5])
def test_the_value_is_the_discounted_sum_and_what_is_behind_it(horizon):
    value = returned(policy_that_asks(0.5), horizon, [0.0, 1.0]).value
    for start, got in zip((0.0, 1.0), value.tolist(), strict=True):
        arrived = [start + 0.5 * (t + 1) for t in range(horizon)]
        steps = sum(GAMMA**t * (3.0 - x - 0.125) for t, x in enumerate(arrived))
        behind = GAMMA**horizon * (10.0 * (start + 0.5 * horizon) + 0.5)
        assert got == pytest.approx(steps + behind)


def test_nothing_counts_after_the_end_and_the_step_that_ends_does():
    value = returned(policy_that_asks(0.5), 4, [0.0, 0.8, -5.0], Line(ends_beyond=1.2)).value
    assert value[0].item() == pytest.approx(
        2.375 + GAMMA * 1.875 + GAMMA**2 * 1.375  # 0.5, 1.0, 1.5: over
    )
    assert value[1].item() == pytest.approx(3.0 - 1.3 - 0.125)  # over at once
    assert value[2].item() == pytest.approx(
        sum(GAMMA**t * (3.0 + 5.0 - 0.5 * (t + 1) - 0.125) for t in range(4))
        + GAMMA**4 * (10.0 * -3.0 + 0.5)
    )


def test_no_gradient_comes_from_behind_the_end():
    policy = policy_that_asks(0.5)
    returned(policy, 6, [1.0], Line(ends_beyond=1.2)).value.sum().backward()
    bias = policy.ordered[-1].grad
    assert bias is not None
    slope = 1.0 - 0.5**2  # of tanh where it is 0.5
    assert bias[0].item() == pytest.approx(slope * (-1.0 - 0.5))  # one reward, one cost


def entropies(value: Tensor, without: Tensor) -> list[float]:
    return (value - without).tolist()


@pytest.mark.parametrize(
    ("entropy", "weights"),
    [("path", [1.0, GAMMA, GAMMA**2]), ("first", [1.0, 0.0, 0.0]), ("none", [0.0, 0.0, 0.0])],
)
def test_entropy_is_counted_as_set(entropy: Entropy, weights):
    # Every action has the same log density: its noise is that of a constant policy's.
    policy = policy_that_asks(0.0)
    policy.ordered[-1].detach().copy_(torch.tensor([0.0, -6.0]))
    plain, soft = returned(policy, 2, [0.0]), returned(policy, 2, [0.0], alpha=0.1, entropy=entropy)
    generator = torch.Generator().manual_seed(7)
    noise = [torch.randn(1, 1, generator=generator, dtype=DOUBLE).item() for _ in range(3)]
    log_prob = [-0.5 * n * n + 6.0 - 0.5 * math.log(2.0 * math.pi) for n in noise]
    expected = -0.1 * sum(w * p for w, p in zip(weights, log_prob, strict=True))
    assert (soft.value - plain.value).item() == pytest.approx(expected, abs=1e-4)
    assert soft.log_prob.item() == pytest.approx(log_prob[0], abs=1e-3)


def test_without_steps_it_is_the_soft_actors_objective():
    policy = random_policy()
    value, log_prob = returned(policy, 0, [0.3, -0.2], alpha=0.2)
    seen = torch.tensor([[0.3, 0.0], [-0.2, 0.0]], dtype=DOUBLE)
    action, expected = policy.sample(seen, torch.Generator().manual_seed(7))
    assert torch.allclose(log_prob, expected)
    assert torch.allclose(value, value_of(seen, action) - 0.2 * expected)


def test_actions_at_the_horizon_are_averaged():
    policy = random_policy()
    value = returned(policy, 0, [0.3], terminal_actions=4000).value
    view = torch.tensor([[0.3, 0.0]], dtype=DOUBLE).repeat(4000, 1)
    action, _ = policy.sample(view, torch.Generator().manual_seed(7))
    assert value.shape == (1,)
    assert value.item() == pytest.approx(3.0 + action.mean().item())


@pytest.mark.parametrize("horizon", [0, 1, 4])
@pytest.mark.parametrize("entropy", ["path", "first"])
def test_the_gradient_is_the_finite_difference(horizon, entropy: Entropy):
    policy = random_policy()

    def objective() -> Tensor:
        return returned(
            policy, horizon, [0.1, -0.4, 2.0], alpha=0.3, entropy=entropy, terminal_actions=3
        ).value.mean()

    objective().backward()
    width = 1e-6
    for parameter in policy.ordered:
        assert parameter.grad is not None
        flat, slopes = parameter.detach().view(-1), parameter.grad.view(-1)
        for i in range(0, len(flat), 3):
            kept = flat[i].item()
            flat[i] = kept + width
            above = objective().item()
            flat[i] = kept - width
            below = objective().item()
            flat[i] = kept
            measured = (above - below) / (2 * width)
            assert slopes[i].item() == pytest.approx(measured, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(("straight_through", "reaches"), [(False, False), (True, True)])
def test_beyond_the_robots_bound_the_gradient_is_as_set(straight_through, reaches):
    policy = policy_that_asks(0.5)
    result = returned(policy, 1, [0.0], Line(bound=0.2), straight_through=straight_through)
    cut = (3.0 - 0.2 - 0.02) + GAMMA * (2.0 + 0.2)
    assert result.value.item() == pytest.approx(cut)
    result.value.sum().backward()
    bias = policy.ordered[-1].grad
    assert bias is not None
    assert (bias[0].abs().item() > 0.1) == reaches


def test_temperature_gets_no_gradient():
    alpha = torch.tensor(0.2, dtype=DOUBLE, requires_grad=True)
    policy, zeros = random_policy(), torch.zeros(2, 1, dtype=DOUBLE)
    result = pathwise_return(
        Line(),
        line_step,
        policy,
        value_of,
        alpha,
        zeros,
        zeros,
        zeros,
        2,
        GAMMA,
        torch.Generator().manual_seed(0),
    )
    result.value.sum().backward()
    assert alpha.grad is None


def test_a_mirrored_policy_is_worth_the_same_on_both_sides():
    mirror = Reflection(
        selector=0,
        observation_order=(0, 1),
        observation_sign=(-1.0, -1.0),
        action_order=(0,),
        action_sign=(-1.0,),
    )
    policy = policy_that_asks(0.3, mirror)

    class Even(Line):
        def reward(self, physical: Tensor, goal: Tensor) -> Tensor:
            return -physical[..., 0].abs()

    value = returned(policy, 3, [0.5, -0.5], Even()).value
    path = [0.8, 1.1, 1.4]
    expected = sum(GAMMA**t * (-x - 0.045) for t, x in enumerate(path)) + GAMMA**3 * 14.3
    assert value.tolist() == pytest.approx([expected, expected])


class Regulator(Line):
    """x' = x + a with reward -x'^2, without cost of acting."""

    def action_cost(self, applied_action: Tensor) -> Tensor:
        return torch.zeros_like(applied_action[..., 0])

    def reward(self, physical: Tensor, goal: Tensor) -> Tensor:
        return -physical[..., 0].square()


@pytest.mark.parametrize("horizon", [1, 3, 8])
def test_a_linear_policys_gradient_on_a_linear_quadratic_task_is_the_closed_form(horizon):
    """With a = k x: x_t = (1 + k)^t x_0, and V(x) = -c x^2 behind the horizon."""
    gain, start, curvature = -0.3, 1e-4, 5.0
    policy = SquashedGaussianPolicy(2, 1, (), None, torch.Generator().manual_seed(0))
    for parameter in policy.ordered:
        parameter.detach().zero_()
    policy.ordered[0].detach()[0, 0] = gain
    policy.ordered[1].detach()[1] = -20.0
    policy = doubled(policy)
    zeros = torch.zeros(1, 1, dtype=DOUBLE)
    result = pathwise_return(
        Regulator(),
        line_step,
        policy,
        lambda view, action: -curvature * view[:, 0].square(),
        0.0,
        zeros + start,
        zeros,
        zeros,
        horizon,
        GAMMA,
        torch.Generator().manual_seed(0),
    )
    result.value.sum().backward()
    grown = 1.0 + gain
    rewards = [-(GAMMA**t) * 2 * (t + 1) * grown ** (2 * t + 1) for t in range(horizon)]
    behind = -(GAMMA**horizon) * curvature * 2 * horizon * grown ** (2 * horizon - 1)
    slope = policy.ordered[0].grad
    assert slope is not None
    assert slope[0, 0].item() == pytest.approx(start**2 * (sum(rewards) + behind), rel=1e-3)
