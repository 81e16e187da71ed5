"""One update of soft actor-critic: critics, their targets, policy and temperature.

Haarnoja et al. 2018, Soft Actor-Critic Algorithms and Applications, https://arxiv.org/abs/1812.05905,
Algorithm 1, the inner loop.
"""

import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics
from mbctl.algorithms.transitions import Transitions
from mbctl.critics.twin_q import TwinQ
from mbctl.losses.sac import (
    actor_loss,
    critic_loss,
    critic_target,
    soft_value,
    temperature_loss,
)
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


@runtime_checkable
class SoftActorCriticSettings(Protocol):
    """The settings that an update reads."""

    @property
    def policy_learning_rate(self) -> float: ...
    @property
    def critic_learning_rate(self) -> float: ...
    @property
    def temperature_learning_rate(self) -> float: ...
    @property
    def gamma(self) -> float: ...
    @property
    def target_rate(self) -> float: ...
    @property
    def initial_temperature(self) -> float: ...
    @property
    def learn_temperature(self) -> bool: ...
    @property
    def target_entropy(self) -> float | None: ...
    @property
    def bound_gradient(self) -> str: ...


class SoftActorCritic:
    """Updates a policy and its critics from transitions.

    Critics are asked about actions as the robot applies them, which is what replay rows hold: what
    the policy requests goes through `Task.applied_action` first. The policy's density and entropy
    are those of its requests.

    Attributes:
        log_alpha: logarithm of the temperature, a scalar tensor.
    """

    def __init__(
        self,
        task: Task,
        policy: SquashedGaussianPolicy,
        critic: TwinQ,
        settings: SoftActorCriticSettings,
    ) -> None:
        self.task = task
        self.policy = policy
        self.critic = critic
        self.settings = settings
        entropy = settings.target_entropy
        self.target_entropy = -float(len(task.robot.joints)) if entropy is None else entropy
        self.log_alpha = torch.tensor(
            math.log(settings.initial_temperature), requires_grad=settings.learn_temperature
        )
        groups = [{"params": policy.parameters, "lr": settings.policy_learning_rate}]
        if settings.learn_temperature:
            rate = settings.temperature_learning_rate
            groups.append({"params": [self.log_alpha], "lr": rate})
        self.policy_optimizer = torch.optim.Adam(groups, fused=True)
        self.critic_optimizer = torch.optim.Adam(
            critic.parameters, lr=settings.critic_learning_rate, fused=True
        )
        self._last: dict[str, Tensor] = {}

    def update(self, batch: Transitions, generator: torch.Generator) -> None:
        """One gradient step of the critics, then one of policy and temperature."""
        alpha = self.log_alpha.detach().exp()
        self._improve_critic(batch, alpha, generator)
        self._improve_policy(batch.observation, alpha, generator)
        self.critic.track(self.settings.target_rate)

    def metrics(self) -> Metrics:
        """Numbers of the last update; none before the first."""
        values = {name: float(value.mean()) for name, value in self._last.items()}
        return {**values, "temperature": float(self.log_alpha.detach().exp())} if values else {}

    def applied(self, observation: Tensor, action: Tensor) -> Tensor:
        """What the robot makes of a request, [B, A], differentiable as the settings say."""
        applied = self.task.applied_action(self.task.physical(observation), action)
        if self.settings.bound_gradient == "exact":
            return applied
        return action + (applied - action).detach()

    def _improve_critic(
        self, batch: Transitions, alpha: Tensor, generator: torch.Generator
    ) -> None:
        with torch.no_grad():
            after = batch.next_observation
            action, log_prob = self.policy.sample(after, generator)
            q_min = self.critic.target_minimum(after, self.applied(after, action))
            value = soft_value(q_min, log_prob, alpha)
            target = critic_target(batch.reward, batch.terminated, value, self.settings.gamma)
        q = self.critic.values(batch.observation, batch.action)
        loss = critic_loss(q, target)
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimizer.step()
        self._last = {"critic_loss": loss.detach(), "q": q.detach()}

    def _improve_policy(
        self, observation: Tensor, alpha: Tensor, generator: torch.Generator
    ) -> None:
        action, log_prob = self.policy.sample(observation, generator)
        q_min = self.critic.minimum_for_actor(observation, self.applied(observation, action))
        # Neither loss depends on the other's parameters, so one backward pass serves both.
        loss = actor_loss(q_min, log_prob, alpha)
        if self.settings.learn_temperature:
            loss = loss + temperature_loss(self.log_alpha, log_prob, self.target_entropy)
        self.policy_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.policy_optimizer.step()
        self._last["entropy"] = -log_prob.detach()
