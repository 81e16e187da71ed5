"""PAL: policy as leader.

Paper: A Game Theoretic Framework for Model Based Reinforcement Learning, Rajeswaran, Mordatch,
Kumar 2020, https://arxiv.org/abs/2004.07804. Implements Algorithm 3 with Subroutine 1.

    symbol in the paper          here
    pi_theta                     GaussianPolicy
    V_psi                        ValueFunction
    M_phi^j, j = 1..4            DeterministicEnsemble, one member each
    D, B                         Replay, its capacity
    N_init, N                    initial_rows, rows_per_refit
    K                            npg_steps
    N_tau, H                     rollouts, horizon
    delta                        step_size

The follower (model) plays first, to convergence on recent data: `refit`. The leader (policy) then
takes a few conservative steps in that model: `improve`. The order is what makes it PAL: the policy
uses M_{k+1}, fitted to data of pi_k.

Deviations from the paper:
    * The model predicts the physical part only and the task composes observations, so that goals
      are never predicted and may be redrawn in imagination (DClaw's wrapped goal error jumps by a
      turn and cannot be learned as a smooth function).
    * The model sees the action as applied after clipping and the velocity bound, in the data and
      in imagination alike.
    * Models and Adam's moments go on from the last refit.
    * No entropy bonus: the paper mentions one, gives no size, and the authors' code has none; the
      floor under log_std does that work.
    * The value function sees the share of the episode that lies behind.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.imagined_data import draw_starts, transition_data
from mbctl.algorithms.model_error import model_errors
from mbctl.algorithms.model_npg import ModelBasedNpg
from mbctl.algorithms.npg_checkpoint import learner_state, load_learner_state
from mbctl.algorithms.pal_settings import PalSettings
from mbctl.critics.value import ValueFunction
from mbctl.data.replay import Replay
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.fit import EnsembleFitter
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.tasks.task import Task


class Pal:
    """Policy as leader, on one task.

    Args:
        task: gives observation, reward, termination, starts and goals.
        settings: hyper-parameters.
        seed: of every random draw that learning makes.
    """

    def __init__(self, task: Task, settings: PalSettings, seed: int) -> None:
        self.task = task
        self.settings = settings
        self.generator = torch.Generator().manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        self.model = DeterministicEnsemble(
            task,
            settings.model_hidden,
            settings.members,
            settings.model_kinematics,
            self.generator,
        )
        self.fitter = EnsembleFitter(
            self.model, settings.model_learning_rate, settings.model_batch, self.generator
        )
        observations = len(task.observation_names)
        self.policy = GaussianPolicy(
            observations,
            len(task.robot.joints),
            settings.policy_hidden,
            settings.initial_log_std,
            settings.minimum_log_std,
            task.reflection if settings.mirrored_policy else None,
            self.generator,
        )
        self.value = ValueFunction(
            observations,
            settings.value_hidden,
            settings.value_learning_rate,
            settings.value_weight_decay,
            self.generator,
        )
        self.npg = ModelBasedNpg(task, self.model, self.policy, self.value, settings)
        self.rows_fitted = 0

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
        """Algorithm 3, line 5. Errors are measured first, on rows that the model has not seen."""
        errors = model_errors(self.task, self.model, replay, replay.total - self.rows_fitted)
        data = transition_data(self.task, replay, self.settings)
        steps = self.model_steps(len(replay))
        drawn = steps * self.settings.model_batch
        epochs = float(max(1, drawn // len(replay)))

        def report(step: int, loss: float) -> None:
            done = float(step * epochs // steps)
            progress("REFIT", step / steps, {"model_loss": loss, "epoch": done, "epochs": epochs})

        loss = self.fitter.fit(data, steps, report)
        self.rows_fitted = replay.total
        return {**errors, "model_loss": loss, "model_samples": float(drawn)}

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 3, line 6: K steps of Subroutine 1."""
        metrics: Metrics = {}
        steps = self.settings.npg_steps
        for k in range(steps):
            counts = {"improve_step": float(k), "improve_steps": float(steps)}
            progress("IMPROVE", k / steps, {**metrics, **counts})
            starts = draw_starts(self.task, replay, self.settings, self.generator, self.rng)
            metrics = self.npg.step(starts, self.generator)
        return metrics

    def model_steps(self, rows: int) -> int:
        """Gradient steps of a refit to `rows` rows: the epochs, within the bounds."""
        settings = self.settings
        wanted = settings.model_epochs * rows // settings.model_batch
        return min(max(wanted, settings.model_steps_min), settings.model_steps_max)

    def snapshot(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        policy = self.policy
        weights = {"input_shift": policy.input_shift, "input_scale": policy.input_scale}
        for layer in range(len(policy.parameters) // 2):
            weights[f"layers.{layer}.weight"] = policy.parameters[2 * layer]
            weights[f"layers.{layer}.bias"] = policy.parameters[2 * layer + 1]
        weights["log_std"] = policy.log_std
        architecture = {
            "kind": "gaussian_mlp",
            "hidden": list(self.settings.policy_hidden),
            "activation": "tanh",
            "reflection": None if policy.reflection is None else policy.reflection.model_dump(),
        }
        return architecture, {k: v.detach().numpy().copy() for k, v in weights.items()}

    def state(self) -> dict[str, Tensor]:
        return learner_state(self)

    def load_state(self, state: dict[str, Tensor]) -> None:
        load_learner_state(self, state)
