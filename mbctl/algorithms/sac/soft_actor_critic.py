"""One update of soft actor-critic: critics, their targets, policy and temperature.

Haarnoja et al. 2018, Soft Actor-Critic Algorithms and Applications, https://arxiv.org/abs/1812.05905,
Algorithm 1, the inner loop.
"""

import torch
from torch import Tensor, nn

from mbctl.algorithms.sac.maximum_entropy import MaximumEntropyUpdate
from mbctl.algorithms.sac.settings import ActorCriticSettings
from mbctl.algorithms.sac.standard_inputs import standardise_inputs, widen_inputs
from mbctl.algorithms.sac.transitions import Transitions
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.losses.sac import (
    actor_loss,
    critic_loss,
    critic_target,
    soft_value,
    temperature_loss,
)
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


class SoftActorCritic(MaximumEntropyUpdate):
    """Updates a policy and its critics from transitions."""

    def __init__(
        self,
        task: Task,
        policy: SquashedGaussianPolicy,
        critic: TwinQ,
        settings: ActorCriticSettings,
    ) -> None:
        super().__init__(task, policy, settings)
        self.critic = critic
        self.policy_optimizer = torch.optim.Adam(self._policy_groups(), fused=True)
        self.critic_optimizer = torch.optim.Adam(
            critic.network.parameters(), lr=settings.critic_learning_rate, fused=True
        )

    def modules(self) -> dict[str, nn.Module]:
        return {**super().modules(), "critic": self.critic}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"policy": self.policy_optimizer, "critic": self.critic_optimizer}

    def update(self, batch: Transitions, generator: torch.Generator) -> None:
        """One gradient step of the critics, then one of policy and temperature."""
        alpha = self.log_alpha.detach().exp()
        self._improve_critic(batch, alpha, generator)
        self._improve_policy(batch.observation, alpha, generator)
        self.critic.track(self.settings.target_rate)

    def follow_inputs(self, replay: Replay, *, begin: bool) -> None:
        """Standardise what the networks see: at the beginning, and where columns outgrow it."""
        if begin:
            standardise_inputs(self.policy, [self.critic], replay)
        else:
            optimizers = self.policy_optimizer, self.critic_optimizer
            widen_inputs(self.policy, [self.critic], replay, optimizers)

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
