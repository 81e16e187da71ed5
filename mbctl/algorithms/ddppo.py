"""DDPPO: a policy improved through a model whose derivatives have been learned as well.

Paper: Gradient Information Matters in Policy Optimization by Back-propagating through Model, Li,
Wang, Chen, Liu, Ma, Liu 2022, https://openreview.net/forum?id=rzvOQrnclO0. Implements Algorithm 1
with the hyper-parameters of Table 1 and, where the paper gives none, of the authors' code.

    symbol in the paper          here
    M^p, theta_p                 predictor
    M^g, theta_g                 gradient_model
    R, w, n (eqs. 9, 10)         SlopePenalty, gradient_weight, neighbours
    pi_phi                       SquashedGaussianPolicy
    Q_psi                        TwinQ
    D_env, D_model               Replay, ImaginedReplay.replay
    k                            ImaginedReplay.horizon, by horizon_schedule
    H                            horizon
    G_1, G_2                     updates_per_row, for both
    J_pi (eq. 11)                TwoModelActorCritic.returned
    J_Q, J_alpha (eqs. 12, 13)   SoftActorCritic

`refit` is lines 5 and 6, `improve` lines 7 to 19 for the rows that have come since: the rollouts
first, then all updates, each of the critics and then of the policy.

Deviations from the paper:
    * Updates come in blocks between episodes, updates_per_row for each new row, not after every
      step: a robot's policy changes when a version is published. The critics' target networks
      follow at each.
    * The first rows come from the first policy, whose actions are close to uniform.
    * The gradient loss is in the model's standard units, in which neighbours are sought, too; the
      paper has raw ones, in which the column of the largest numbers chooses the neighbours and owns
      the loss. w keeps the paper's values, though it weighs another quantity.
    * The gradient loss is that of the rows in a member's mini-batch (in the authors' code, of other
      rows), by forward-mode products (there, by whole Jacobians). Neighbours may be rows that the
      fit holds out, of which only differences to others are seen.
    * `neighbour_radius` can leave neighbours out that are too far; the paper takes any.
    * A path adds -alpha log pi discounted like the reward beside it, once, as eq. 11 has it; the
      authors' code discounts twice.
    * Paths use the means of the models (appendix B.1.2; the authors' code draws); rollouts for the
      critics draw, as MBPO's do.
    * H counts model steps, as in the paper; the authors' code counts states.
    * The reward is the task's own unless `learned_reward` is set: a robot task's reward depends on
      its goal, which the model does not see. A learned one takes its gradient from the gradient
      model, as the next state does.
    * Model targets are standardised, elites chosen in those units and best weights restored; see
      ProbabilisticEnsemble and ProbabilisticFitter. What counts for stopping and elites of the
      gradient model is its prediction of held-out rows, as in the authors' code.
    * Rewards and the value count only until the model predicts that the episode ended for good.
    * The policy's gradient is cut by its norm, the authors' by its entries; the critics' is not.
    * Models and critics see actions as the robot applies them, within its velocity bound.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.ddppo_settings import DdppoSettings
from mbctl.algorithms.imagined_replay import ImaginedReplay
from mbctl.algorithms.mixed_transitions import MixedSource
from mbctl.algorithms.model_error import model_errors
from mbctl.algorithms.probabilistic_checkpoint import load_probabilistic, probabilistic_state
from mbctl.algorithms.probabilistic_fit import fit_to_replay
from mbctl.algorithms.sac_checkpoint import load_soft_actor_critic, soft_actor_critic_state
from mbctl.algorithms.slope_penalty import SlopePenalty
from mbctl.algorithms.standard_inputs import standardise_inputs
from mbctl.algorithms.transitions import TransitionSource
from mbctl.algorithms.two_model_actor_critic import TwoModelActorCritic
from mbctl.algorithms.two_models import TwoModels
from mbctl.algorithms.update_schedule import updates_due_after_first_rows
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.losses.gaussian_nll import gaussian_nll
from mbctl.models.fit import TransitionData
from mbctl.models.fit_probabilistic import ProbabilisticFitter
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task

REPORT_EVERY = 10  # updates; a number for a report costs a wait for its computation
_COUNTS = ("rows_used", "rows_fitted", "samples_fitted")


class Ddppo:
    """Directional derivative projection policy optimisation, on one task.

    Args:
        task: gives observations, limits, ends and, where they are not learned, rewards.
        settings: hyper-parameters.
        seed: of every random draw that learning makes.
    """

    def __init__(self, task: Task, settings: DdppoSettings, seed: int) -> None:
        self.task = task
        self.settings = settings
        self.generator = torch.Generator().manual_seed(seed)
        self.predictor_fitter = self._fitter()
        self.gradient_fitter = self._fitter()
        self.predictor = self.predictor_fitter.model
        self.gradient_model = self.gradient_fitter.model
        observations, actions = len(task.observation_names), len(task.robot.joints)
        self.policy = SquashedGaussianPolicy(
            observations,
            actions,
            settings.policy_hidden,
            task.reflection if settings.mirrored_policy else None,
            self.generator,
        )
        self.critic = TwinQ(
            observations, actions, settings.critic_hidden, settings.layer_norm, self.generator
        )
        models = TwoModels(self.predictor, self.gradient_model, self.generator)
        self.learner = TwoModelActorCritic(task, self.policy, self.critic, models, settings)
        self.imagined = ImaginedReplay(task, settings)
        self.rows_used = 0  # by improve
        self.rows_fitted = 0  # by refit
        self.samples_fitted = 0  # real rows that the last fits drew

    @property
    def initial_rows(self) -> int:
        return self.settings.initial_rows

    @property
    def rows_per_refit(self) -> int:
        return self.settings.rows_per_refit

    @property
    def replay_capacity(self) -> int | None:
        return self.settings.buffer_rows

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 1, lines 5, 6. Errors are measured first, on rows that no model has seen."""
        errors = model_errors(self.task, self.predictor, replay, replay.total - self.rows_fitted)
        predicting = fit_to_replay(
            self.predictor_fitter, replay, self.settings, _part(progress, 0.0, 0.5)
        )
        sloping = self._fit_gradient_model(replay, _part(progress, 0.5, 1.0))
        self.rows_fitted = replay.total
        drawn = predicting["model_samples"] + sloping["model_samples"]
        self.samples_fitted = int(drawn)
        told = {k.replace("model_", "gradient_model_"): v for k, v in sloping.items()}
        del told["gradient_model_samples"]
        return {**errors, **predicting, **told, "model_samples": drawn}

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 1, lines 7 to 19, for the rows that have come since the last improvement."""
        updates = self.updates_due(replay.total)
        progress("IMPROVE", 0.0, {})
        if self.settings.standard_inputs and self.rows_used == 0:
            standardise_inputs(self.policy, self.critic, replay)
        new = self.imagined.extend(self.predictor, self.policy, replay, self.generator)
        told = {"horizon": float(self.imagined.horizon(replay.total)), "imagined_rows": float(new)}
        source, batch = self._source(replay), self.settings.batch
        starts = TransitionSource(self.task, replay, self.settings, None)
        self.learner.skipped = 0
        for k in range(updates):
            if k % REPORT_EVERY == 0:
                counts = {"improve_step": float(k), "improve_steps": float(updates)}
                progress("IMPROVE", k / updates, {**self.learner.metrics(), **told, **counts})
            begin = starts.draw(batch, self.generator).observation
            self.learner.learn(source.draw(batch, self.generator), begin, self.generator)
        self.rows_used = replay.total
        drawn = float(self.samples_fitted + updates * (batch + source.real_rows(batch)))
        return {**self.learner.metrics(), **told, "model_samples": drawn}

    def updates_due(self, rows: int) -> int:
        """Updates when `rows` rows have ever come; at first and without new ones, one refit's."""
        settings = self.settings
        rates = settings.updates_per_row, settings.rows_per_refit
        return updates_due_after_first_rows(*rates, self.rows_used, rows)

    def snapshot(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return self.policy.snapshot()

    def state(self) -> dict[str, Tensor]:
        state = soft_actor_critic_state(self.learner)
        state |= probabilistic_state(self.predictor_fitter, "predictor.")
        state |= probabilistic_state(self.gradient_fitter, "gradient_model.")
        state |= self.imagined.state()
        state["generator"] = self.generator.get_state()
        return state | {name: torch.tensor([getattr(self, name)]) for name in _COUNTS}

    def load_state(self, state: dict[str, Tensor]) -> None:
        missing = {"generator", *_COUNTS} - state.keys()
        if missing:
            raise ValueError(f"checkpoint lacks {min(missing)!r}")
        load_soft_actor_critic(self.learner, state)
        load_probabilistic(self.predictor_fitter, state, "predictor.")
        load_probabilistic(self.gradient_fitter, state, "gradient_model.")
        self.imagined.load_state(state)
        self.generator.set_state(state["generator"])
        for name in _COUNTS:
            setattr(self, name, int(state[name][0]))

    def _fitter(self) -> ProbabilisticFitter:
        settings = self.settings
        model = ProbabilisticEnsemble(
            self.task,
            settings.model_hidden,
            settings.members,
            settings.elites,
            settings.model_kinematics,
            settings.learned_reward,
            settings.model_activation,
            self.generator,
            settings.model_bounds_trainable,
        )
        return ProbabilisticFitter(model, settings, gaussian_nll, self.generator)

    def _fit_gradient_model(self, replay: Replay, progress: Progress) -> Metrics:
        """Eq. 10."""
        settings, fitter = self.settings, self.gradient_fitter
        if settings.gradient_weight == 0:
            return fit_to_replay(fitter, replay, settings, progress)
        images = self.task.symmetries if settings.symmetry else 1
        made: list[SlopePenalty] = []

        def penalty_of(data: TransitionData, reward: Tensor | None) -> SlopePenalty:
            penalty = SlopePenalty(fitter.model, data, reward, images, settings, self.generator)
            made.append(penalty)
            return penalty

        metrics = fit_to_replay(fitter, replay, settings, progress, penalty_of)
        return {**metrics, "model_neighbours_kept": made[0].kept_share}

    def _source(self, replay: Replay) -> MixedSource:
        task, settings, mirror = self.task, self.settings, self.policy.reflection
        real = TransitionSource(task, replay, settings, mirror)
        imagined = TransitionSource(task, self.imagined.replay, settings, mirror)
        return MixedSource(real, imagined, settings.real_share)


def _part(progress: Progress, begin: float, end: float) -> Progress:
    """Reports of a move's part as those of the whole."""

    def report(phase: str, fraction: float, numbers: Metrics) -> None:
        progress(phase, begin + fraction * (end - begin), numbers)

    return report
