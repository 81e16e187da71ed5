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

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbctl.algorithms.algorithm import REPORT_EVERY, Metrics, Progress
from mbctl.algorithms.sac.settings import SacSettings
from mbctl.algorithms.sac.soft_actor_critic import (
    SoftActorCritic,
    load_soft_actor_critic,
    soft_actor_critic_state,
)
from mbctl.algorithms.sac.transitions import TransitionSource, updates_due
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


class Sac:
    """Soft actor-critic, on one task.

    Args:
        task: gives observations, limits and, where goals are exchanged, rewards.
        settings: hyper-parameters.
        seed: of every random draw that learning makes.
    """

    def __init__(self, task: Task, settings: SacSettings, seed: int) -> None:
        self.task = task
        self.settings = settings
        self.generator = torch.Generator().manual_seed(seed)
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
        source = TransitionSource(self.task, replay, self.settings, self.policy.reflection)
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

    def snapshot(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return self.policy.snapshot()

    def state(self) -> dict[str, Tensor]:
        state = soft_actor_critic_state(self.learner)
        state["generator"] = self.generator.get_state()
        state["rows_used"] = torch.tensor([self.rows_used])
        return state

    def load_state(self, state: dict[str, Tensor]) -> None:
        missing = {"generator", "rows_used"} - state.keys()
        if missing:
            raise ValueError(f"checkpoint lacks {min(missing)!r}")
        load_soft_actor_critic(self.learner, state)
        self.generator.set_state(state["generator"])
        self.rows_used = int(state["rows_used"][0])
