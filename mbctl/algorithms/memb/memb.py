"""MEMB: a policy improved through one step of a learned model, its values from real rows alone.

Paper: Model Embedding Model-Based Reinforcement Learning, Tan, Qu, Xiong, Zhang 2020,
https://arxiv.org/abs/2006.09234. Implements Algorithm 1 with the hyper-parameters of Table 2.

    symbol in the paper          here
    pi_theta(a | s), kappa       SquashedGaussianPolicy, .sample
    f(s, a, zeta), omega         SampledDynamics
    r^(s, a, zeta), varphi       SampledReward
    Q_phi0, Q_phi1               TwinQ.network
    V_psi, V_psibar              SoftValue.network, SoftValue.target (target_rate)
    alpha                        exp(EmbeddedActorCritic.log_alpha)
    D                            Replay
    m                            updates_per_row

An iteration of Algorithm 1 is one step on the robot: one gradient step of the model (`refit`), one
new row, m updates of Q, V and policy (`improve`). With rows_per_refit rows between moves there are
as many of each at once. D_img lives for one update: the action, reward and next state that the
policy's gradient runs through.

Deviations from the paper:
    * Q learns from real rows (eq. 6, section 3.2, and the ablation of appendix B.1), where
      Algorithm 1 has D_img for it.
    * V' of eq. 8 is the current V; only Q's target asks the slow copy.
    * The model predicts the physical part and the task composes observations, so that goals are
      never predicted. Critics and model see the action as applied, within the robot's bounds.
    * Where the robot really ended for good no value follows, in Q's target; of that the paper says
      nothing. Imagined steps never end, as in the paper (`known_termination` ends them).
    * Inputs and targets of the model have unit size.
    * The first rows come from the first policy, whose actions are close to uniform.
"""

import torch
from torch import nn

from mbctl.algorithms.algorithm import REPORT_EVERY, Metrics, Progress
from mbctl.algorithms.memb.actor_critic import EmbeddedActorCritic
from mbctl.algorithms.memb.model import EmbeddedModel
from mbctl.algorithms.memb.settings import MembSettings
from mbctl.algorithms.sac.transitions import TransitionSource, updates_due
from mbctl.algorithms.torch_learner import TorchLearner
from mbctl.critics.soft_value import SoftValue
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


class Memb(TorchLearner[SquashedGaussianPolicy]):
    """Model-embedding actor-critic, on one task.

    Args:
        task: gives observations, limits and, where they are not learned, reward and dynamics.
        settings: hyper-parameters.
        seed, device: see `TorchLearner`.

    Raises:
        ValueError: `true_model` is set, and the task has no dynamics in closed form.
    """

    COUNTS = ("rows_fitted", "rows_used", "rows_in_units")

    def __init__(self, task: Task, settings: MembSettings, seed: int, device: str = "cpu") -> None:
        super().__init__(seed, device)
        self.task = task
        self.settings = settings
        observations, actions = len(task.observation_names), len(task.robot.joints)
        mirror = task.reflection if settings.mirrored_policy else None
        self.policy = SquashedGaussianPolicy(
            observations, actions, settings.policy_hidden, mirror, self.generator
        )
        hidden, norm = settings.critic_hidden, settings.layer_norm
        critic = TwinQ(observations, actions, hidden, norm, self.generator)
        value = SoftValue(observations, hidden, norm, self.generator)
        self.model = EmbeddedModel(task, settings, mirror, self.generator)
        self.learner = EmbeddedActorCritic(task, self.policy, critic, value, self.model, settings)
        self.rows_fitted = 0
        self.rows_used = 0

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """Step 1 of Algorithm 1 for the rows that have come since the last refit."""
        steps = self._model_steps(self.rows_fitted, replay.total)
        errors = self.model.one_step_error(replay, replay.total - self.rows_fitted)
        progress("REFIT", 0.0, errors)

        def report(step: int, numbers: Metrics) -> None:
            progress("REFIT", step / steps, numbers)

        source = self._source(replay)
        numbers = self.model.fit(replay, source, steps, self.generator, report)
        self.rows_fitted = replay.total
        return {**errors, **numbers, "model_samples": float(self.model.samples(steps))}

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Step 3 of Algorithm 1 for the rows that have come since the last ones."""
        updates = self.updates_due(self.settings.updates_per_row, self.rows_used, replay.total)
        # Numbers of the two moves are put together, so this one counts the rows of both.
        drawn = self.model.samples(self._model_steps(self.rows_used, replay.total))
        drawn += updates * self.settings.batch
        if self.settings.standard_inputs:
            self.learner.follow_inputs(replay, begin=self.rows_used == 0)
        source = self._source(replay)
        for k in range(updates):
            if k % REPORT_EVERY == 0:
                counts = {"improve_step": float(k), "improve_steps": float(updates)}
                progress("IMPROVE", k / updates, {**self.learner.metrics(), **counts})
            batch = source.draw(self.settings.batch, self.generator)
            self.learner.update(batch, self.generator)
        self.rows_used = replay.total
        return {**self.learner.metrics(), "model_samples": float(drawn)}

    def updates_due(self, rate: float, before: int, rows: int) -> int:
        """Gradient steps from `before` to `rows` rows; without new ones, those of one refit."""
        return updates_due(rate, self.settings.rows_per_refit, before, rows)

    @property
    def rows_in_units(self) -> int:
        """Rows that there were when the model's units were taken from them."""
        return self.model.rows_in_units

    @rows_in_units.setter
    def rows_in_units(self, rows: int) -> None:
        self.model.rows_in_units = rows

    def modules(self) -> dict[str, nn.Module]:
        return self.learner.modules()

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return self.learner.optimizers()

    def _model_steps(self, before: int, rows: int) -> int:
        return self.updates_due(self.settings.model_updates_per_row, before, rows)

    def _source(self, replay: Replay) -> TransitionSource:
        mirror = self.policy.reflection
        return TransitionSource(self.task, replay, self.settings, mirror, self.device)
