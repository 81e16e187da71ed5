"""SAC: soft actor-critic, the model-free baseline and building block.

Paper: Soft Actor-Critic Algorithms and Applications, Haarnoja et al. 2018,
https://arxiv.org/abs/1812.05905. Implements Algorithm 1 with the hyper-parameters of appendix D.

    symbol in the paper          here
    pi_phi(a | s)                SquashedGaussianPolicy
    Q_theta1, Q_theta2           TwinQ.network
    Q_thetabar1, Q_thetabar2     TwinQ.target, following with target_rate (tau)
    alpha                        exp(SoftActorCritic.log_alpha)
    Hbar                         target_entropy
    D                            Replay
    gradient steps per step      updates_per_row

There is no model: `refit` does nothing, `improve` makes the updates that new rows are due, so that
any division of the same rows into refits makes the same number of them.

Deviations from the paper:
    * Updates come in blocks between episodes, updates_per_row for each new row, not after every
      step: a robot's policy changes when a version is published.
    * The first rows come from the first policy, whose actions are close to uniform, in place of
      uniform ones.
    * Critics see actions as the robot applied them, within its velocity bound, which is what rows
      hold; the policy's actions go through the same bound. Entropy is that of what it requests.
    * The temperature's loss has log alpha in place of alpha, as in the authors' code.
    * What is cut short by the time limit is not an end: its value goes on.
"""

import torch
from torch import nn

from mbctl.algorithms.algorithm import REPORT_EVERY, Metrics, Progress
from mbctl.algorithms.sac.settings import SacSettings
from mbctl.algorithms.sac.soft_actor_critic import SoftActorCritic
from mbctl.algorithms.sac.transitions import TransitionSource, updates_due
from mbctl.algorithms.torch_learner import TorchLearner
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


class Sac(TorchLearner[SquashedGaussianPolicy]):
    """Soft actor-critic, on one task.

    Args:
        task: gives observations, limits and, where goals are exchanged, rewards.
        settings: hyper-parameters.
        seed, device: see `TorchLearner`.
    """

    COUNTS = ("rows_used",)

    def __init__(self, task: Task, settings: SacSettings, seed: int, device: str = "cpu") -> None:
        super().__init__(seed, device)
        self.task = task
        self.settings = settings
        observations, actions = len(task.observation_names), len(task.robot.joints)
        self.policy = SquashedGaussianPolicy(
            observations,
            actions,
            settings.policy_hidden,
            task.reflection if settings.mirrored_policy else None,
            self.generator,
        )
        critic = TwinQ(
            observations, actions, settings.critic_hidden, settings.layer_norm, self.generator
        )
        self.learner = SoftActorCritic(task, self.policy, critic, settings)
        self.rows_used = 0

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """There is no model to fit."""
        progress("REFIT", 1.0, {})
        return {}

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 1's gradient steps for the rows that have come since the last ones."""
        updates = self.updates_due(replay.total)
        if self.settings.standard_inputs:
            self.learner.follow_inputs(replay, begin=self.rows_used == 0)
        source = TransitionSource(
            self.task, replay, self.settings, self.policy.reflection, self.device
        )
        for k in range(updates):
            if k % REPORT_EVERY == 0:
                counts = {"improve_step": float(k), "improve_steps": float(updates)}
                progress("IMPROVE", k / updates, {**self.learner.metrics(), **counts})
            batch = source.draw(self.settings.batch, self.generator)
            self.learner.update(batch, self.generator)
        self.rows_used = replay.total
        drawn = float(updates * self.settings.batch)
        return {**self.learner.metrics(), "model_samples": drawn}

    def updates_due(self, rows: int) -> int:
        """Gradient steps when `rows` rows have ever come; without new ones, those of one refit."""
        settings = self.settings
        rates = settings.updates_per_row, settings.rows_per_refit
        return updates_due(*rates, self.rows_used, rows)

    def modules(self) -> dict[str, nn.Module]:
        return self.learner.modules()

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return self.learner.optimizers()
