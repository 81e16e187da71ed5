"""One update of MEMB: Q and V from real transitions, the policy through one step of the model.

Tan, Qu, Xiong, Zhang 2020, Model Embedding Model-Based Reinforcement Learning, step 3 of
Algorithm 1.
"""

import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics
from mbctl.algorithms.embedded_model import EmbeddedModel
from mbctl.algorithms.transitions import Transitions
from mbctl.critics.soft_value import SoftValue
from mbctl.critics.twin_q import TwinQ
from mbctl.losses.memb import embedded_value, value_loss
from mbctl.losses.sac import critic_loss, critic_target, temperature_loss
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


@runtime_checkable
class EmbeddedActorCriticSettings(Protocol):
    """The settings that an update reads."""

    @property
    def known_termination(self) -> bool: ...
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
    def reward(self) -> str: ...
    @property
    def reward_scale(self) -> float: ...
    @property
    def bound_gradient(self) -> str: ...


class EmbeddedActorCritic:
    """Updates a policy, its V and its twin Q.

    Q and the model are asked about actions as the robot applies them, which is what replay rows
    hold; the policy's density and entropy are those of its requests.

    Attributes:
        log_alpha: logarithm of the temperature, a scalar tensor.
    """

    def __init__(
        self,
        task: Task,
        policy: SquashedGaussianPolicy,
        critic: TwinQ,
        value: SoftValue,
        model: EmbeddedModel,
        settings: EmbeddedActorCriticSettings,
    ) -> None:
        self.task = task
        self.policy = policy
        self.critic = critic
        self.value = value
        self.model = model
        self.settings = settings
        entropy = settings.target_entropy
        self.target_entropy = -float(len(task.robot.joints)) if entropy is None else entropy
        self.log_alpha = torch.tensor(
            math.log(settings.initial_temperature), requires_grad=settings.learn_temperature
        )
        critics = {
            "params": [*critic.parameters, *value.parameters],
            "lr": settings.critic_learning_rate,
        }
        groups = [critics, {"params": policy.parameters, "lr": settings.policy_learning_rate}]
        if settings.learn_temperature:
            rate = settings.temperature_learning_rate
            groups.append({"params": [self.log_alpha], "lr": rate})
        self.optimizer = torch.optim.Adam(groups, fused=True)
        self._last: dict[str, Tensor] = {}

    def update(self, batch: Transitions, generator: torch.Generator) -> None:
        """One gradient step of Q, V and policy, each from what the others were before it."""
        # No loss depends on what another one moves, so one backward pass serves all.
        losses = self.losses(batch, generator)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        self.optimizer.step()
        self.value.track(self.settings.target_rate)
        self._last |= {name: loss.detach() for name, loss in losses.items()}

    def losses(self, batch: Transitions, generator: torch.Generator) -> dict[str, Tensor]:
        """Eq. 6 by Q, eq. 5 by V, minus eq. 8 by the policy, and the temperature's own."""
        alpha = self.log_alpha.detach().exp()
        observation = batch.observation
        action, log_prob = self.policy.sample(observation, generator)
        applied = self.applied(observation, action)
        with torch.no_grad():
            q_min = self.critic.values(observation, applied).min(dim=0).values
        future = self.value.target_values(batch.next_observation)
        target = critic_target(batch.reward, batch.terminated, future, self.settings.gamma)
        q = self.critic.values(observation, batch.action)
        imagined = self.imagined_value(observation, action, applied, log_prob, alpha, generator)
        losses = {
            "critic_loss": critic_loss(q, target),
            "value_loss": value_loss(self.value.values(observation), q_min, log_prob, alpha),
            "policy_loss": -imagined.mean(),
        }
        if self.settings.learn_temperature:
            losses["temperature_loss"] = temperature_loss(
                self.log_alpha, log_prob, self.target_entropy
            )
        self._last = {"q": q.detach(), "entropy": -log_prob.detach()}
        return losses

    def imagined_value(
        self,
        observation: Tensor,
        action: Tensor,
        applied: Tensor,
        log_prob: Tensor,
        alpha: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Eq. 8 of each row [B], with gradients by the action alone."""
        task, settings = self.task, self.settings
        goal = task.goal(observation)
        after = self.model.dynamics.sample(task.physical(observation), applied, generator)
        reward = self._reward(observation, applied, after, goal, generator)
        seen, _ = self.policy.canonical(task.observation(after, action, goal))
        alive = 1.0 - task.terminated(after).to(reward) if settings.known_termination else 1.0
        future = self.value.values_for_actor(seen)
        return embedded_value(reward, log_prob, future, alive, alpha, settings.gamma)

    def applied(self, observation: Tensor, action: Tensor) -> Tensor:
        """What the robot makes of a request, [B, A], differentiable as the settings say."""
        applied = self.task.applied_action(self.task.physical(observation), action)
        if self.settings.bound_gradient == "exact":
            return applied
        return action + (applied - action).detach()

    def metrics(self) -> Metrics:
        """Numbers of the last update; none before the first."""
        values = {name: float(value.mean()) for name, value in self._last.items()}
        return {**values, "temperature": float(self.log_alpha.detach().exp())} if values else {}

    def _reward(
        self,
        observation: Tensor,
        applied: Tensor,
        after: Tensor,
        goal: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Of the step, in the units of the batches' rewards."""
        if self.model.reward is not None:
            return self.model.reward.sample(observation, applied, generator)
        task = self.task
        of = task.reward if self.settings.reward == "task" else task.objective
        return self.settings.reward_scale * (of(after, goal) - task.action_cost(applied))
