"""What PAL, MAL, GDA and BR share: the two players of the game, and what each can do in a move.

An algorithm is a class derived from this one that says which data, how far and in which order.
"""

import json
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.checkpoint import (
    adam_state,
    copies,
    load_adam_state,
    part,
    require_same_shapes,
)
from mbctl.algorithms.game.policy_update import ModelBasedNpg
from mbctl.algorithms.game.settings import GameSettings
from mbctl.algorithms.model_data import draw_starts, transition_data
from mbctl.algorithms.model_error import model_errors
from mbctl.critics.value import ValueFunction
from mbctl.data.replay import Replay
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.fit import EnsembleFitter
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.tasks.task import Task

PACKED = ("rng",)  # tensors of a checkpoint that hold text, of which the length may differ


class GameLearner:
    """A model player and a policy player on one task.

    Args:
        task: gives observation, reward, termination, starts and goals.
        settings: hyper-parameters.
        seed: of every random draw that learning makes.
    """

    def __init__(self, task: Task, settings: GameSettings, seed: int) -> None:
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

    def measure_model(self, replay: Replay) -> Metrics:
        """Errors on the rows that the model has not been fitted to; so before `fit_model`."""
        return model_errors(self.task, self.model, replay, replay.total - self.rows_fitted)

    def fit_model(
        self, replay: Replay, steps: int, progress: Progress, newest: int | None = None
    ) -> Metrics:
        """`steps` gradient steps on the newest rows, by default on all that the replay keeps."""
        rows = len(replay) if newest is None else min(newest, len(replay))
        data = transition_data(self.task, replay, self.settings, rows)
        drawn = steps * self.settings.model_batch
        epochs = float(max(1, drawn // rows))

        def report(step: int, loss: float) -> None:
            done = float(step * epochs // steps)
            progress("REFIT", step / steps, {"model_loss": loss, "epoch": done, "epochs": epochs})

        loss = self.fitter.fit(data, steps, report)
        self.rows_fitted = replay.total
        return {"model_loss": loss, "model_samples": float(drawn)}

    def model_steps(self, rows: int) -> int:
        """Gradient steps of a refit to `rows` rows: the epochs, within the bounds."""
        settings = self.settings
        wanted = settings.model_epochs * rows // settings.model_batch
        return min(max(wanted, settings.model_steps_min), settings.model_steps_max)

    def improve_policy(self, replay: Replay, progress: Progress) -> Metrics:
        """K steps of Subroutine 1 in the model that `npg` was given."""
        metrics: Metrics = {}
        steps = self.settings.npg_steps
        for k in range(steps):
            counts = {"improve_step": float(k), "improve_steps": float(steps)}
            progress("IMPROVE", k / steps, {**metrics, **counts})
            starts = draw_starts(self.task, replay, self.settings, self.generator, self.rng)
            metrics = self.npg.step(starts, self.generator)
        return metrics

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
        policy, value = self.policy, self.value
        state = model_state(self.model, "")
        state |= {f"value.{k}": v for k, v in value.network.state_dict().items()}
        state |= {f"policy.{i}": parameter for i, parameter in enumerate(policy.parameters)}
        state["policy.input_shift"] = policy.input_shift
        state["policy.input_scale"] = policy.input_scale
        state["value.scale"] = value.scale
        state["generator"] = self.generator.get_state()
        numpy_state = json.dumps(self.rng.bit_generator.state).encode()
        state["rng"] = torch.frombuffer(bytearray(numpy_state), dtype=torch.uint8)
        state["counters"] = torch.tensor([self.rows_fitted, int(self.model.fitted)])
        for name, optimizer in self._optimizers().items():
            state |= {f"adam.{name}.{k}": v for k, v in adam_state(optimizer).items()}
        return copies(state)

    def load_state(self, state: dict[str, Tensor]) -> None:
        require_same_shapes(self.state(), state, any_shape=PACKED)
        policy, value = self.policy, self.value
        load_model_state(self.model, state, "")
        value.network.load_state_dict(
            {k: v for k, v in part(state, "value.").items() if k != "scale"}
        )
        for i in range(len(policy.parameters)):
            policy.parameters[i] = state[f"policy.{i}"].clone()
        policy.input_shift = state["policy.input_shift"].clone()
        policy.input_scale = state["policy.input_scale"].clone()
        value.scale = state["value.scale"].clone()
        self.generator.set_state(state["generator"])
        self.rng.bit_generator.state = json.loads(bytes(state["rng"].numpy()).decode())
        self.rows_fitted = int(state["counters"][0])
        self.model.fitted = bool(state["counters"][1])
        for name, optimizer in self._optimizers().items():
            load_adam_state(optimizer, part(state, f"adam.{name}."))

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"fitter": self.fitter.optimizer, "value": self.value.optimizer}


def model_state(model: DeterministicEnsemble, prefix: str) -> dict[str, Tensor]:
    """A model's weights and statistics under names that begin with `prefix`; not copied."""
    state = {f"{prefix}model.{k}": v for k, v in model.network.state_dict().items()}
    statistics = model.statistics
    state[f"{prefix}statistics.input_shift"] = statistics.input_shift
    state[f"{prefix}statistics.input_scale"] = statistics.input_scale
    state[f"{prefix}statistics.difference_scale"] = statistics.difference_scale
    state[f"{prefix}statistics.residual_scale"] = model.residual_scale
    return state


def load_model_state(model: DeterministicEnsemble, state: dict[str, Tensor], prefix: str) -> None:
    """Put copies of what `model_state` took into `model`."""
    model.network.load_state_dict(part(state, f"{prefix}model."))
    found = {k: v.detach().clone() for k, v in part(state, f"{prefix}statistics.").items()}
    model.statistics.input_shift = found["input_shift"]
    model.statistics.input_scale = found["input_scale"]
    model.statistics.difference_scale = found["difference_scale"]
    model.residual_scale = found["residual_scale"]
