"""The pathwise objective: a policy's return over H differentiable model steps and a value behind.

Clavera, Fu, Abbeel 2020, Model-Augmented Actor-Critic, https://arxiv.org/abs/2005.08068, the
objective of section 4.1 and its form with entropy in section 4.3 (neither has a number):

    J(theta) = E[ sum_{t<H} gamma^t r(s_{t+1}) + gamma^H Q(s_H, a_H) ] + beta H(pi_theta)

    symbol in the paper          here
    s_{t+1} ~ f(s_t, a_t)        step(physical, applied action), differentiable by both
    a_t ~ pi_theta(s_t)          policy.sample, reparameterised
    r                            task.reward of the state arrived in, less task.action_cost
    Q                            terminal_value, averaged over several actions at s_H
    beta                         alpha

What the paper leaves open: r and Q count only until the model predicts that the episode ended for
good, where the authors' code has no mask along the path. The step that ends it counts.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Array

ModelStep = Callable[[Tensor, Tensor], Tensor]
"""Next physical [B, P] of physical [B, P] and applied action [B, A], with gradients by both."""

ActionValue = Callable[[Tensor, Tensor], Tensor]
"""Value [N] of observations [N, O] and applied actions [N, A], both as the networks see them."""

StepReward = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Reward [B] of (physical before, applied action, physical after, goal)."""

Entropy = Literal["path", "first", "none"]


@runtime_checkable
class PathwiseTask(Protocol):
    """The part of `mbctl.tasks.task.Task` that a path uses."""

    def observation(self, physical: Array, last_action: Array, goal: Array) -> Array: ...
    def applied_action(self, physical: Array, action: Array) -> Array: ...
    def action_cost(self, applied_action: Array) -> Array: ...
    def reward(self, physical: Array, goal: Array) -> Array: ...
    def terminated(self, physical: Array) -> Array: ...


class PathwiseReturn(NamedTuple):
    """Of B starts.

    Attributes:
        value: the objective, to be maximised; differentiable by the policy's parameters.
        log_prob: log pi(a_0 | s_0), for the temperature.
    """

    value: Float[Tensor, "B"]
    log_prob: Float[Tensor, "B"]


def pathwise_return(
    task: PathwiseTask,
    step: ModelStep,
    policy: SquashedGaussianPolicy,
    terminal_value: ActionValue,
    alpha: float | Tensor,
    physical: Float[Tensor, "B P"],
    last_action: Float[Tensor, "B A"],
    goal: Float[Tensor, "B G"],
    horizon: int,
    gamma: float,
    generator: torch.Generator,
    *,
    terminal_actions: int = 1,
    entropy: Entropy = "path",
    straight_through: bool = False,
    reward: StepReward | None = None,
) -> PathwiseReturn:
    """J of each start, with gradients by the policy's parameters through every step.

    The caller freezes what else has parameters: `step` and `terminal_value` are to be
    differentiable by their arguments alone.

    Args:
        alpha: temperature, taken as a constant.
        horizon: H model steps; 0 is SAC's objective.
        terminal_actions: actions at s_H that are averaged.
        entropy: "path": each action's -alpha log pi counts, the return that a soft Q stands for;
            "first": that of a_0 alone, as in the authors' code; "none".
        straight_through: take the gradient at the applied action where the robot's velocity bound
            cuts a request, in place of 0.
        reward: of a step; None is the task's reward less the cost of acting.
    """
    act = _Actor(task, policy, generator, straight_through)
    rewarded = reward or _task_reward(task)
    alive = torch.ones_like(physical[:, 0])
    value, discount = torch.zeros_like(alive), 1.0
    log_probs: list[Tensor] = []
    for t in range(horizon):
        choice = act(physical, last_action, goal)
        after = step(physical, choice.applied)
        gained = rewarded(physical, choice.applied, after, goal)
        bonus = _temperature(entropy, alpha, t) * choice.log_prob
        value = value + discount * alive * (gained - bonus)
        log_probs.append(choice.log_prob)
        ended = task.terminated(after)
        # An ended path stands still, so that no model is asked about what follows the end.
        physical = torch.where(ended[:, None], physical.detach(), after)
        last_action = choice.requested
        alive, discount = torch.where(ended, 0.0, alive), discount * gamma
    last = act(*(x.repeat(terminal_actions, 1) for x in (physical, last_action, goal)))
    worth = terminal_value(last.view, policy.applied(last.applied, last.flipped))
    worth = worth - _temperature(entropy, alpha, horizon) * last.log_prob
    mean_worth = worth.reshape(terminal_actions, -1).mean(dim=0)
    log_probs.append(last.log_prob.reshape(terminal_actions, -1).mean(dim=0))
    return PathwiseReturn(value + discount * alive * mean_worth, log_probs[0])


class _Choice(NamedTuple):
    """What the policy does: its view [B, O], its request and what the robot makes of it [B, A]."""

    view: Tensor
    flipped: Tensor | None
    requested: Tensor
    applied: Tensor
    log_prob: Tensor


class _Actor(NamedTuple):
    """The policy between the task's states and the robot's limits."""

    task: PathwiseTask
    policy: SquashedGaussianPolicy
    generator: torch.Generator
    straight_through: bool

    def __call__(self, physical: Tensor, last_action: Tensor, goal: Tensor) -> _Choice:
        view, flipped = self.policy.canonical(self.task.observation(physical, last_action, goal))
        action, log_prob = self.policy.sample(view, self.generator)
        requested = self.policy.applied(action, flipped)
        applied = self.task.applied_action(physical, requested)
        if self.straight_through:
            applied = requested + (applied - requested).detach()
        return _Choice(view, flipped, requested, applied, log_prob)


def _temperature(entropy: Entropy, alpha: float | Tensor, t: int) -> float | Tensor:
    """What weighs the entropy of the action at step t."""
    if entropy == "none" or (entropy == "first" and t > 0):
        return 0.0
    return alpha.detach() if isinstance(alpha, Tensor) else alpha


def _task_reward(task: PathwiseTask) -> StepReward:
    def rewarded(before: Tensor, applied: Tensor, after: Tensor, goal: Tensor) -> Tensor:
        return task.reward(after, goal) - task.action_cost(applied)

    return rewarded
