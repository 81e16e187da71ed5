"""One model-based natural policy gradient update (Rajeswaran et al. 2020, Subroutine 1).

Returns and generalised advantages (Schulman et al. 2016) are those of imagined rollouts.
"""

import torch
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics
from mbctl.algorithms.game.npg import npg_step
from mbctl.algorithms.game.settings import GameSettings
from mbctl.critics.value import ValueFunction
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.imagine import Rollouts, Starts, imagine
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.tasks.task import Task


class ModelBasedNpg:
    """Updates a policy and its value function from rollouts in a model."""

    def __init__(
        self,
        task: Task,
        model: DeterministicEnsemble,
        policy: GaussianPolicy,
        value: ValueFunction,
        settings: GameSettings,
    ) -> None:
        self.task = task
        self.model = model
        self.policy = policy
        self.value = value
        self.settings = settings
        self.reward = task.reward if settings.imagined_reward == "task" else task.objective

    def step(self, starts: Starts, generator: torch.Generator) -> Metrics:
        """Lines 4-14: roll out, advantages, policy step, value fit."""
        settings = self.settings
        horizon = min(settings.horizon, self.task.episode_steps)
        rollouts = imagine(
            self.task,
            self.model,
            self.policy,
            starts,
            horizon,
            self.reward,
            settings.model_noise,
            generator,
        )
        inputs, value = self._values(rollouts)
        going_on = (rollouts.alive[-1] - rollouts.terminated[-1]) * (
            rollouts.step[-1] < self.task.episode_steps
        )
        advantage = generalised_advantages(
            rollouts.reward, rollouts.alive, value, settings.gamma, settings.gae_lambda
        )
        returns = discounted_returns(
            rollouts.reward, rollouts.alive, going_on * value[-1], settings.gamma
        )
        taken = rollouts.alive.flatten() > 0
        whitened = _whiten(advantage.flatten()[taken])
        report = npg_step(
            self.policy,
            rollouts.observation[:-1].flatten(0, 1)[taken],
            rollouts.action.flatten(0, 1)[taken],
            whitened,
            delta=settings.step_size,
            iterations=settings.cg_iterations,
            damping=settings.cg_damping,
            fisher_rows=settings.fisher_rows,
            generator=generator,
        )
        unexplained = self.value.fit(
            inputs[:-1].flatten(0, 1)[taken],
            returns.flatten()[taken],
            settings.value_epochs,
            settings.value_batch,
        )
        return {
            "imagined_return": float((rollouts.reward * rollouts.alive).sum(dim=0).mean()),
            "imagined_success": float(rollouts.success.mean()),
            "log_std": float(self.policy.log_std.mean()),
            "npg_step": report.step,
            "value_unexplained": unexplained,
        }

    def _values(self, rollouts: Rollouts) -> tuple[Tensor, Tensor]:
        """Value inputs [H + 1, R, O + 1] and values [H + 1, R], zero past an ending."""
        share = (rollouts.step / self.task.episode_steps)[..., None]
        inputs = torch.cat([rollouts.observation, share], dim=-1)
        value = self.value.predict(inputs.flatten(0, 1)).reshape(rollouts.step.shape)
        ended = 1 - torch.cummax(rollouts.terminated, dim=0).values
        open_after = (rollouts.step[1:] < self.task.episode_steps) * ended
        return inputs, torch.cat([value[:1], value[1:] * open_after])


def _whiten(advantage: Tensor) -> Tensor:
    return (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-6)


def discounted_returns(reward: Tensor, alive: Tensor, last_value: Tensor, gamma: float) -> Tensor:
    """Return-to-go [H, R]; a rollout alive past the horizon goes on with `last_value` [R].

    `reward` and `alive` are [H, R]; rewards of steps that were not taken count nothing.
    """
    result = torch.empty_like(reward)
    running = last_value
    for t in reversed(range(reward.shape[0])):
        running = alive[t] * (reward[t] + gamma * running)
        result[t] = running
    return result


def generalised_advantages(
    reward: Tensor, alive: Tensor, value: Tensor, gamma: float, lam: float
) -> Tensor:
    """Advantages [H, R].

    Args:
        reward, alive: [H, R].
        value: [H + 1, R]; zero where the rollout has ended, so that the end bootstraps nothing.
        gamma, lam: discount and GAE's lambda.
    """
    result = torch.empty_like(reward)
    running = torch.zeros_like(reward[0])
    for t in reversed(range(reward.shape[0])):
        error = reward[t] + gamma * value[t + 1] - value[t]
        running = alive[t] * (error + gamma * lam * running)
        result[t] = running
    return result
