"""One update of an actor-critic that differentiates through a model, and looks ahead with it.

Clavera, Fu, Abbeel 2020, Model-Augmented Actor-Critic, https://arxiv.org/abs/2005.08068,
Algorithm 1, lines 10 and 11: the policy by the pathwise objective, the critics by STEVE's targets.
"""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from mbctl.algorithms.expanded_targets import ExpansionSettings, ValueExpansion
from mbctl.algorithms.path_actor_critic import PathActorCritic, PathSettings
from mbctl.algorithms.transitions import Transitions
from mbctl.critics.twin_q import TwinQ
from mbctl.losses.pathwise import Entropy, PathwiseReturn, pathwise_return
from mbctl.losses.sac import critic_loss
from mbctl.models.imagine import STATE_LIMIT
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


@runtime_checkable
class PathwiseSettings(PathSettings, ExpansionSettings, Protocol):
    """The settings that an update reads."""

    @property
    def terminal_actions(self) -> int: ...
    @property
    def entropy(self) -> Entropy: ...


class _Steps:
    """One elite's step for each row, and what it is worth."""

    def __init__(
        self,
        model: ProbabilisticEnsemble,
        expansion: ValueExpansion,
        noise: bool,
        generator: torch.Generator,
    ) -> None:
        self._model = model
        self._expansion = expansion
        self._noise = noise
        self._generator = generator
        self._learned: Tensor | None = None

    def step(self, physical: Tensor, applied: Tensor) -> Tensor:
        drawn = self._model.sample_differentiable(
            physical, applied, self._generator, noise=self._noise
        )
        self._learned = drawn.reward
        return drawn.next_physical.clamp(-STATE_LIMIT, STATE_LIMIT)

    def reward(self, before: Tensor, applied: Tensor, after: Tensor, goal: Tensor) -> Tensor:
        """Of the last step."""
        return self._expansion.reward(after, applied, goal, self._learned)


class PathwiseActorCritic(PathActorCritic):
    """Updates a policy and its critics from transitions and a model of what follows them.

    Transitions are as the robot sees them, not mirrored: the model knows no policy's view.
    """

    def __init__(
        self,
        task: Task,
        policy: SquashedGaussianPolicy,
        critic: TwinQ,
        model: ProbabilisticEnsemble,
        settings: PathwiseSettings,
    ) -> None:
        super().__init__(task, policy, critic, settings)
        self.model = model
        self.path = settings
        self.expansion = ValueExpansion(task, model, policy, critic, settings)

    def update(self, batch: Transitions, generator: torch.Generator) -> None:
        """One gradient step of policy and temperature, then one of the critics."""
        alpha = self.log_alpha.detach().exp()
        self._improve_along_paths(batch.observation, alpha, generator)
        self._expand_value(batch, alpha, generator)
        self.critic.track(self.settings.target_rate)

    def returned(self, starts: Tensor, alpha: Tensor, generator: torch.Generator) -> PathwiseReturn:
        """The objective of section 4.3 at these starts, [B]."""
        task, path = self.task, self.path
        steps = _Steps(self.model, self.expansion, path.model_noise, generator)
        return pathwise_return(
            task,
            steps.step,
            self.policy,
            self.critic.minimum_for_actor,
            alpha,
            task.physical(starts),
            task.last_action(starts),
            task.goal(starts),
            path.horizon,
            path.gamma,
            generator,
            terminal_actions=path.terminal_actions,
            entropy=path.entropy,
            straight_through=path.bound_gradient == "straight_through",
            reward=steps.reward,
        )

    def _expand_value(self, batch: Transitions, alpha: Tensor, generator: torch.Generator) -> None:
        target = self.expansion.target(batch, alpha, generator)
        view, flipped = self.policy.canonical(batch.observation)
        q = self.critic.values(view, self.policy.applied(batch.action, flipped))
        loss = critic_loss(q, target.value)
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimizer.step()
        depth = torch.arange(len(target.weight), dtype=torch.float32)
        looked_ahead = (depth[:, None] * target.weight).sum(dim=0)
        self._last |= {
            "critic_loss": loss.detach(),
            "q": q.detach(),
            "expansion_depth": looked_ahead,
        }
