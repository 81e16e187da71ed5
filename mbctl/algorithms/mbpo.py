"""MBPO: soft actor-critic on short imagined rollouts that branch off real states.

Paper: When to Trust Your Model: Model-Based Policy Optimization, Janner, Fu, Zhang, Levine 2019,
https://arxiv.org/abs/1906.08253. Implements Algorithm 2 with the hyper-parameters of Table 1 and,
where the paper gives none, of the authors' code.

    symbol in the paper          here
    p_theta^i(s', r | s, a)      ProbabilisticEnsemble, i over its elites
    pi_phi                       SquashedGaussianPolicy
    D_env                        Replay
    D_model                      ImaginedReplay.replay
    B                            members
    M (per environment step)     rollouts / rows_per_refit
    k                            ImaginedReplay.horizon, by horizon_schedule
    E                            epoch_rows
    G                            updates_per_row
    J_pi (SAC)                   SoftActorCritic

`refit` is line 3. `improve` is lines 6 to 10 for the rows that have come since: the rollouts first,
with the new model and the policy as it is, then all updates.

Deviations from the paper:
    * Updates come in blocks between episodes, updates_per_row for each new row, not after every
      step: a robot's policy changes when a version is published. So the rows of a block are there
      before its updates, and its model has seen them.
    * All rollouts of a block are made at once (as in the authors' code, not in Algorithm 2).
    * The first rows come from the first policy, whose actions are close to uniform, in place of
      uniform ones.
    * Model targets are standardised and elites chosen in those units; see ProbabilisticEnsemble and
      ProbabilisticFitter.
    * The reward is the task's own unless `learned_reward` is set: a robot task's reward depends on
      its goal, which the model does not see.
    * The end of an episode is the task's own; imagined rows behind it are left out. A time limit is
      no end, in real rows and in imagined ones.
    * Model and critics see actions as the robot applies them, within its velocity bound.
    * Imagined states are held within 100 in magnitude.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.imagined_replay import ImaginedReplay
from mbctl.algorithms.mbpo_settings import MbpoSettings
from mbctl.algorithms.mixed_transitions import MixedSource
from mbctl.algorithms.model_error import model_errors
from mbctl.algorithms.probabilistic_checkpoint import load_probabilistic, probabilistic_state
from mbctl.algorithms.probabilistic_fit import fit_to_replay
from mbctl.algorithms.sac_checkpoint import load_soft_actor_critic, soft_actor_critic_state
from mbctl.algorithms.soft_actor_critic import SoftActorCritic
from mbctl.algorithms.standard_inputs import standardise_inputs
from mbctl.algorithms.transitions import TransitionSource
from mbctl.algorithms.update_schedule import updates_due_after_first_rows
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.losses.gaussian_nll import gaussian_nll
from mbctl.models.fit_probabilistic import ProbabilisticFitter
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task

REPORT_EVERY = 10  # updates; a number for a report costs a wait for its computation
_COUNTS = ("rows_used", "rows_fitted", "samples_fitted")


class Mbpo:
    """Model-based policy optimisation, on one task.

    Args:
        task: gives observations, limits, ends and, where they are not learned, rewards.
        settings: hyper-parameters.
        seed: of every random draw that learning makes.
    """

    def __init__(self, task: Task, settings: MbpoSettings, seed: int) -> None:
        self.task = task
        self.settings = settings
        self.generator = torch.Generator().manual_seed(seed)
        self.model = ProbabilisticEnsemble(
            task,
            settings.model_hidden,
            settings.members,
            settings.elites,
            settings.model_kinematics,
            settings.learned_reward,
            settings.model_activation,
            self.generator,
            settings.model_bounds_trainable,
        )
        self.fitter = ProbabilisticFitter(self.model, settings, gaussian_nll, self.generator)
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
        self.learner = SoftActorCritic(task, self.policy, self.critic, settings)
        self.imagined = ImaginedReplay(task, settings)
        self.rows_used = 0  # by improve
        self.rows_fitted = 0  # by refit
        self.samples_fitted = 0  # real rows that the last fit drew

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
        """Algorithm 2, line 3. Errors are measured first, on rows that the model has not seen."""
        errors = model_errors(self.task, self.model, replay, replay.total - self.rows_fitted)
        metrics = fit_to_replay(self.fitter, replay, self.settings, progress)
        self.rows_fitted = replay.total
        self.samples_fitted = int(metrics["model_samples"])
        return {**errors, **metrics}

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 2, lines 6 to 10, for the rows that have come since the last improvement."""
        updates = self.updates_due(replay.total)
        progress("IMPROVE", 0.0, {})
        if self.settings.standard_inputs and self.rows_used == 0:
            standardise_inputs(self.policy, self.critic, replay)
        new = self.imagined.extend(self.model, self.policy, replay, self.generator)
        told = {"horizon": float(self.imagined.horizon(replay.total)), "imagined_rows": float(new)}
        source = self._source(replay)
        for k in range(updates):
            if k % REPORT_EVERY == 0:
                counts = {"improve_step": float(k), "improve_steps": float(updates)}
                progress("IMPROVE", k / updates, {**self.learner.metrics(), **told, **counts})
            batch = source.draw(self.settings.batch, self.generator)
            self.learner.update(batch, self.generator)
        self.rows_used = replay.total
        drawn = float(self.samples_fitted + updates * source.real_rows(self.settings.batch))
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
        state |= probabilistic_state(self.fitter, "model.")
        state |= self.imagined.state()
        state["generator"] = self.generator.get_state()
        return state | {name: torch.tensor([getattr(self, name)]) for name in _COUNTS}

    def load_state(self, state: dict[str, Tensor]) -> None:
        missing = {"generator", *_COUNTS} - state.keys()
        if missing:
            raise ValueError(f"checkpoint lacks {min(missing)!r}")
        load_soft_actor_critic(self.learner, state)
        load_probabilistic(self.fitter, state, "model.")
        self.imagined.load_state(state)
        self.generator.set_state(state["generator"])
        for name in _COUNTS:
            setattr(self, name, int(state[name][0]))

    def _source(self, replay: Replay) -> MixedSource:
        task, settings, mirror = self.task, self.settings, self.policy.reflection
        real = TransitionSource(task, replay, settings, mirror)
        imagined = TransitionSource(task, self.imagined.replay, settings, mirror)
        return MixedSource(real, imagined, settings.real_share)
