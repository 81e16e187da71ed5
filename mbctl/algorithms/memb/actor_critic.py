"""One update of MEMB: Q and V from real transitions, the policy through one step of the model.

Tan, Qu, Xiong, Zhang 2020, Model Embedding Model-Based Reinforcement Learning, step 3 of
Algorithm 1.
"""

import torch
from torch import Tensor, nn

from mbctl.algorithms.memb.model import EmbeddedModel
from mbctl.algorithms.memb.settings import MembSettings
from mbctl.algorithms.sac.maximum_entropy import MaximumEntropyUpdate
from mbctl.algorithms.sac.standard_inputs import standardise_inputs, widen_inputs
from mbctl.algorithms.sac.transitions import Transitions
from mbctl.critics.soft_value import SoftValue
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.losses.memb import embedded_value, value_loss
from mbctl.losses.sac import critic_loss, critic_target, temperature_loss
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


class EmbeddedActorCritic(MaximumEntropyUpdate):
    """Updates a policy, its V and its twin Q."""

    def __init__(
        self,
        task: Task,
        policy: SquashedGaussianPolicy,
        critic: TwinQ,
        value: SoftValue,
        model: EmbeddedModel,
        settings: MembSettings,
    ) -> None:
        super().__init__(task, policy, settings)
        self.critic = critic
        self.value = value
        self.model = model
        self.embedding = settings
        critics = {
            "params": [*critic.network.parameters(), *value.network.parameters()],
            "lr": settings.critic_learning_rate,
        }
        self.optimizer = torch.optim.Adam([critics, *self._policy_groups()], fused=True)

    def modules(self) -> dict[str, nn.Module]:
        critics = {"critic": self.critic, "value": self.value}
        return {**super().modules(), **critics, **self.model.nets()}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        model = self.model.optimizer
        return {"learner": self.optimizer} | ({} if model is None else {"model": model})

    def update(self, batch: Transitions, generator: torch.Generator) -> None:
        """One gradient step of Q, V and policy, each from what the others were before it."""
        # No loss depends on what another one moves, so one backward pass serves all.
        losses = self.losses(batch, generator)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        self.optimizer.step()
        self.value.track(self.settings.target_rate)
        self._last |= {name: loss.detach() for name, loss in losses.items()}

    def follow_inputs(self, replay: Replay, *, begin: bool) -> None:
        """Standardise what the networks see: at the beginning, and where columns outgrow it."""
        critics = [self.critic, self.value]
        if begin:
            standardise_inputs(self.policy, critics, replay)
        else:
            widen_inputs(self.policy, critics, replay, [self.optimizer])

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
        task, settings = self.task, self.embedding
        goal = task.goal(observation)
        after = self.model.dynamics.sample(task.physical(observation), applied, generator)
        reward = self._reward(observation, applied, after, goal, generator)
        seen, _ = self.policy.canonical(task.observation(after, action, goal))
        alive = 1.0 - task.terminated(after).to(reward) if settings.known_termination else 1.0
        future = self.value.values_for_actor(seen)
        return embedded_value(reward, log_prob, future, alive, alpha, settings.gamma)

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
        of = task.reward if self.embedding.reward == "task" else task.objective
        return self.embedding.reward_scale * (of(after, goal) - task.action_cost(applied))
