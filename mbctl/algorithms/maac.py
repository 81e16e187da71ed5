"""MAAC: model-augmented actor-critic.

Paper: Model-Augmented Actor-Critic: Backpropagating through Paths, Clavera, Fu, Abbeel 2020,
https://arxiv.org/abs/2005.08068. Implements Algorithm 1 with the objective of section 4.3.

    symbol in the paper          here
    pi_theta                     SquashedGaussianPolicy
    f_phi1 .. f_phiM             ProbabilisticEnsemble, its elites
    Q_psi, two of them           TwinQ
    D_env, D_model               Replay, ImaginedReplay
    J_pi                         pathwise_return
    J_Q                          critic_loss with the targets of ValueExpansion
    H                            horizon; in the critics' targets expansion_horizon
    beta                         exp(PathwiseActorCritic.log_alpha), learned as in SAC
    G_2                          updates_per_row times the rows that have come

`refit` is lines 3 to 5, `improve` lines 6 to 12: imagined rows of the policy of now, then gradient
steps on a mix of imagined and real rows, the policy's before the critics'.

Deviations from the paper:
    * H counts model steps. What the authors' code calls 3 takes 4 of them.
    * The return counts until the model predicts an end; their code has no mask along the path.
    * At the horizon without model steps, STEVE's variance is the critics' disagreement. In their
      code it is 0, which leaves STEVE with the one-step target.
    * Rollouts of k steps go on for k steps; theirs begin anew at real states after each.
    * New rows are learned from at once; theirs come into the policy's data an iteration later.
    * The model predicts the physical part and the task composes observations; reward and ends are
      the task's, as in their code. Model and critics see actions as applied, the policy is
      credited with what it requests.
    * Hidden units are ReLU; theirs are tanh in some tasks.
    * The policy's gradient is cut to a length, against steps that the model blows up.
    * The first rows come from the first policy, whose actions are close to uniform.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.imagined_replay import ImaginedReplay
from mbctl.algorithms.maac_settings import MaacSettings
from mbctl.algorithms.mixed_transitions import MixedSource
from mbctl.algorithms.model_error import model_errors
from mbctl.algorithms.pathwise_actor_critic import PathwiseActorCritic
from mbctl.algorithms.probabilistic_checkpoint import load_probabilistic, probabilistic_state
from mbctl.algorithms.probabilistic_fit import fit_to_replay
from mbctl.algorithms.sac_checkpoint import load_soft_actor_critic, soft_actor_critic_state
from mbctl.algorithms.standard_inputs import standardise_inputs
from mbctl.algorithms.transitions import TransitionSource
from mbctl.algorithms.update_schedule import updates_due_after_first_rows
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.losses.gaussian_nll import gaussian_nll
from mbctl.models.fit_probabilistic import ProbabilisticFitter
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.planners.objective import TerminalValue
from mbctl.planners.terminal_value import TwinQValue
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task

REPORT_EVERY = 10  # updates; a number for a report costs a wait for its computation
COUNTS = ("rows_fitted", "rows_used", "fit_samples")


class Maac:
    """Model-augmented actor-critic, on one task.

    Args:
        task: gives observations, limits, ends and rewards.
        settings: hyper-parameters.
        seed: of every random draw that learning makes.
    """

    def __init__(self, task: Task, settings: MaacSettings, seed: int) -> None:
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
        sizes = len(task.observation_names), len(task.robot.joints)
        mirror = task.reflection if settings.mirrored_policy else None
        self.policy = SquashedGaussianPolicy(*sizes, settings.policy_hidden, mirror, self.generator)
        self.critic = TwinQ(*sizes, settings.critic_hidden, settings.layer_norm, self.generator)
        self.learner = PathwiseActorCritic(task, self.policy, self.critic, self.model, settings)
        self.imagined = ImaginedReplay(task, settings)
        self.rows_fitted = 0
        self.rows_used = 0
        self.fit_samples = 0

    @property
    def initial_rows(self) -> int:
        return self.settings.initial_rows

    @property
    def rows_per_refit(self) -> int:
        return self.settings.rows_per_refit

    @property
    def replay_capacity(self) -> int | None:
        return self.settings.buffer_rows

    def terminal_value(self) -> TerminalValue:
        """min Q of the policy's action, for a planner; it follows what is learned later."""
        return TwinQValue(self.task, self.policy, self.critic)

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 1, lines 3-5. Errors are measured first, on rows that are new to the model."""
        errors = model_errors(self.task, self.model, replay, replay.total - self.rows_fitted)
        found = fit_to_replay(self.fitter, replay, self.settings, progress)
        self.rows_fitted = replay.total
        self.fit_samples = int(found["model_samples"])
        return {**errors, **found}

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 1, lines 6-12."""
        settings, learner = self.settings, self.learner
        updates = self.updates_due(replay.total)
        if settings.standard_inputs and self.rows_used == 0:
            standardise_inputs(self.policy, self.critic, replay)
        block = -(-updates // settings.rollout_blocks)
        real = TransitionSource(self.task, replay, settings, None)
        source, imagined = real, 0
        learner.skipped = 0
        for k in range(updates):
            if k % REPORT_EVERY == 0:
                counts = {"improve_step": float(k), "improve_steps": float(updates)}
                progress("IMPROVE", k / updates, {**learner.metrics(), **counts})
            if k % block == 0:
                imagined += self.imagined.extend(self.model, self.policy, replay, self.generator)
                rows = TransitionSource(self.task, self.imagined.replay, settings, None)
                source = MixedSource(real, rows, settings.real_share)
            learner.update(source.draw(settings.batch, self.generator), self.generator)
        self.rows_used = replay.total
        # Numbers of the two moves are put together, so this one counts the rows of both.
        drawn = self.fit_samples + updates * round(settings.real_share * settings.batch)
        counts = {"imagined_rows": float(imagined), "model_samples": float(drawn)}
        return {**learner.metrics(), **counts}

    def updates_due(self, rows: int) -> int:
        """Gradient steps when `rows` rows have ever come.

        Those of one refit's rows in the first improvement, and where none are new.
        """
        settings = self.settings
        rates = settings.updates_per_row, settings.rows_per_refit
        return max(1, updates_due_after_first_rows(*rates, self.rows_used, rows))

    def snapshot(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return self.policy.snapshot()

    def state(self) -> dict[str, Tensor]:
        state = soft_actor_critic_state(self.learner)
        state |= probabilistic_state(self.fitter, "ensemble.")
        state |= self.imagined.state()
        state["generator"] = self.generator.get_state()
        return {**state, **{name: torch.tensor([getattr(self, name)]) for name in COUNTS}}

    def load_state(self, state: dict[str, Tensor]) -> None:
        missing = {"generator", *COUNTS} - state.keys()
        if missing:
            raise ValueError(f"checkpoint lacks {min(missing)!r}")
        load_soft_actor_critic(self.learner, state)
        load_probabilistic(self.fitter, state, "ensemble.")
        self.imagined.load_state(state)
        self.generator.set_state(state["generator"])
        for name in COUNTS:
            setattr(self, name, int(state[name][0]))
