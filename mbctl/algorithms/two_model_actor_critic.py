"""Updates of DDPPO's actor and critics: the policy along paths of two models, the critics as SAC's.

Li et al. 2022, Algorithm 1, lines 13-19; eqs. 11, 12, 13.
"""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from mbctl.algorithms.path_actor_critic import PathActorCritic, PathSettings
from mbctl.algorithms.transitions import Transitions
from mbctl.algorithms.two_models import TwoModels
from mbctl.critics.twin_q import TwinQ
from mbctl.losses.pathwise import PathwiseReturn, pathwise_return
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


@runtime_checkable
class TwoModelSettings(PathSettings, Protocol):
    """The settings that an update reads."""

    @property
    def learned_reward(self) -> bool: ...
    @property
    def reward(self) -> str: ...
    @property
    def reward_scale(self) -> float: ...


class TwoModelActorCritic(PathActorCritic):
    """Updates critics from transitions, and the policy from starts, through two models."""

    def __init__(
        self,
        task: Task,
        policy: SquashedGaussianPolicy,
        critic: TwinQ,
        models: TwoModels,
        settings: TwoModelSettings,
    ) -> None:
        super().__init__(task, policy, critic, settings)
        self.models = models
        self.path = settings
        self._earned = task.reward if settings.reward == "task" else task.objective

    def learn(self, batch: Transitions, starts: Tensor, generator: torch.Generator) -> None:
        """One gradient step of the critics, then one of policy and temperature.

        Args:
            batch: transitions in the policy's view, real and imagined.
            starts: real observations [B, O] in the robot's view.
        """
        alpha = self.log_alpha.detach().exp()
        self._improve_critic(batch, alpha, generator)
        self._improve_along_paths(starts, alpha, generator)
        self.critic.track(self.settings.target_rate)

    def returned(self, starts: Tensor, alpha: Tensor, generator: torch.Generator) -> PathwiseReturn:
        """Eq. 11 at each start: values by the prediction model, gradients by the gradient model."""
        task, path = self.task, self.path
        return pathwise_return(
            task,
            self.models.step,
            self.policy,
            self.critic.minimum_for_actor,
            alpha,
            task.physical(starts),
            task.last_action(starts),
            task.goal(starts),
            path.horizon,
            path.gamma,
            generator,
            straight_through=path.bound_gradient == "straight_through",
            reward=self._reward,
        )

    def _reward(self, before: Tensor, applied: Tensor, after: Tensor, goal: Tensor) -> Tensor:
        if self.path.learned_reward:
            gained = self.models.learned_reward(before, applied, after, goal)
        else:
            gained = self._earned(after, goal) - self.task.action_cost(applied)
        return self.path.reward_scale * gained
