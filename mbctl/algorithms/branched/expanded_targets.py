"""STEVE's targets for the critics of a soft actor-critic, by a probabilistic ensemble.

Buckman et al. 2018, https://arxiv.org/abs/1807.01675, on soft values: an action's
-alpha log pi is added to the reward that follows it and to the value that stands behind it.

All models of a row go on with the same noise, in the policy's actions and in their own states, so
that what they differ by is what they do not know. With noise of their own, the targets of longer
horizons would vary, and count for less, for being noisy.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.algorithms.branched.settings import MaacSettings
from mbctl.algorithms.sac.transitions import Transitions
from mbctl.critics.twin_q import TwinQ
from mbctl.losses.value_expansion import (
    SteveTarget,
    expanded_targets,
    random_models,
    steve_target,
)
from mbctl.models.imagine import STATE_LIMIT
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.nn.device import randn_like
from mbctl.policies.squashed import SquashedGaussianPolicy, squashed_log_prob
from mbctl.tasks.task import Task


class _Choice(NamedTuple):
    """Actions [M, B, A] and their soft part -alpha log pi [M, B]; target values [2, M, B]."""

    requested: Tensor
    applied: Tensor
    soft: Tensor
    value: Tensor


class ValueExpansion:
    """Looks some model steps ahead of real transitions.

    Args:
        task: gives rewards, ends and the robot's limits.
        model: its elites are the models.
        policy: acts in the model.
        critic: its target networks say what is behind the last step.
    """

    def __init__(
        self,
        task: Task,
        model: ProbabilisticEnsemble,
        policy: SquashedGaussianPolicy,
        critic: TwinQ,
        settings: MaacSettings,
    ) -> None:
        self.task = task
        self.model = model
        self.policy = policy
        self.critic = critic
        self.settings = settings

    @torch.no_grad()
    def target(
        self, batch: Transitions, alpha: float | Tensor, generator: torch.Generator
    ) -> SteveTarget:
        """The target of each transition, which has not been mirrored."""
        task, settings, horizon = self.task, self.settings, self.settings.expansion_horizon
        after, members = batch.next_observation, self.model.members if horizon else 1
        physical, goal = task.physical(after)[None], task.goal(after)
        choice = self._choose(physical, task.last_action(after)[None], goal, alpha, generator)
        values = [choice.value.expand(-1, members, -1)]
        rewards, ends = [], []
        for _ in range(horizon):
            physical = physical.expand(members, -1, -1)
            applied = choice.applied.expand(members, -1, -1)
            arrived, learned = self._step(physical, applied, generator)
            ended = task.terminated(arrived)
            rewards.append(self.reward(arrived, applied, goal, learned) + choice.soft)
            ends.append(ended)
            # An ended path stands still: it is not asked about any more.
            physical = torch.where(ended[..., None], physical, arrived)
            last_action = choice.requested.expand(members, -1, -1)
            choice = self._choose(physical, last_action, goal, alpha, generator)
            values.append(choice.value)
        shape = (0, members, len(after))
        candidates = expanded_targets(
            batch.reward,
            batch.terminated,
            torch.stack(rewards) if rewards else batch.reward.new_empty(shape),
            torch.stack(ends)
            if ends
            else torch.empty(shape, dtype=torch.bool, device=after.device),
            torch.stack(values),
            settings.gamma,
        )
        return steve_target(candidates, self._models(members, generator))

    def reward(
        self, after: Tensor, applied: Tensor, goal: Tensor, learned: Tensor | None
    ) -> Tensor:
        """What a step is worth, [...], in the units of a batch's rewards; `learned` if there is."""
        if learned is not None:
            return self.settings.reward_scale * learned
        earned = self.task.reward if self.settings.reward == "task" else self.task.objective
        gained = earned(after, goal.expand(*after.shape[:-1], -1))
        return self.settings.reward_scale * (gained - self.task.action_cost(applied))

    def _models(self, members: int, generator: torch.Generator) -> Tensor:
        """Numbers [h, m] of the elites that are asked at each horizon."""
        elites = self.model.elite_members
        elites = elites if members > 1 else torch.zeros_like(elites[:1])
        chosen = max(1, round(self.settings.expansion_share * len(elites)))
        picks = random_models(self.settings.expansion_horizon + 1, len(elites), chosen, generator)
        return elites[picks]

    def _step(
        self,
        physical: Float[Tensor, "M B P"],
        applied: Float[Tensor, "M B A"],
        generator: torch.Generator,
    ) -> tuple[Float[Tensor, "M B P"], Float[Tensor, "M B"] | None]:
        """Next states, and rewards where they are learned."""
        prediction = self.model.forward(physical, applied)
        after = prediction.mean_next
        if self.settings.model_noise:
            after = after + prediction.std * _noise_like(after, generator)
        return after.clamp(-STATE_LIMIT, STATE_LIMIT), prediction.reward

    def _choose(
        self,
        physical: Float[Tensor, "M B P"],
        last_action: Float[Tensor, "M B A"],
        goal: Float[Tensor, "B G"],
        alpha: float | Tensor,
        generator: torch.Generator,
    ) -> _Choice:
        policy, task = self.policy, self.task
        goals = goal.expand(len(physical), -1, -1)
        seen = task.observation(physical, last_action, goals)
        view, flipped = policy.canonical(seen.flatten(0, 1))
        mean, log_std = policy.distribution(view)
        noise = _noise_like(last_action, generator).expand_as(last_action).flatten(0, 1)
        pre_squash = torch.addcmul(mean, log_std.exp(), noise)
        requested = policy.applied(torch.tanh(pre_squash), flipped)
        applied = task.applied_action(physical.flatten(0, 1), requested)
        soft = -alpha * squashed_log_prob(pre_squash, noise, log_std)
        value = self.critic.target_values(view, policy.applied(applied, flipped)) + soft
        rows = physical.shape[:2]
        return _Choice(
            requested.reshape(*rows, -1),
            applied.reshape(*rows, -1),
            soft.reshape(rows),
            value.reshape(-1, *rows),
        )


def _noise_like(values: Float[Tensor, "M B n"], generator: torch.Generator) -> Tensor:
    """Standard normal [B, n], the same for all models."""
    return randn_like(values[0], generator)
