"""One model-based natural policy gradient update (Rajeswaran et al. 2020, Subroutine 1)."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from mbctl.algorithms.advantage import discounted_returns, generalised_advantages
from mbctl.algorithms.algorithm import Metrics
from mbctl.algorithms.npg import npg_step
from mbctl.critics.value import ValueFunction
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.imagine import Rollouts, Starts, imagine
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.tasks.task import Task


@runtime_checkable
class NpgSettings(Protocol):
    """The settings that an update reads."""

    @property
    def horizon(self) -> int: ...
    @property
    def model_noise(self) -> float: ...
    @property
    def imagined_reward(self) -> str: ...
    @property
    def gamma(self) -> float: ...
    @property
    def gae_lambda(self) -> float: ...
    @property
    def step_size(self) -> float: ...
    @property
    def cg_iterations(self) -> int: ...
    @property
    def cg_damping(self) -> float: ...
    @property
    def fisher_rows(self) -> int: ...
    @property
    def value_epochs(self) -> int: ...
    @property
    def value_batch(self) -> int: ...


class ModelBasedNpg:
    """Updates a policy and its value function from rollouts in a model."""

    def __init__(
        self,
        task: Task,
        model: DeterministicEnsemble,
        policy: GaussianPolicy,
        value: ValueFunction,
        settings: NpgSettings,
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
