"""What PAL, MAL, GDA and BR share: the two players of the game, and what each can do in a move.

An algorithm is a class derived from this one that says which data, how far and in which order.
"""

import json

import numpy as np
import torch
from torch import Tensor, nn

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.game.policy_update import ModelBasedNpg
from mbctl.algorithms.game.settings import GameSettings
from mbctl.algorithms.model_data import draw_starts, transition_data
from mbctl.algorithms.model_error import model_errors
from mbctl.algorithms.torch_learner import TorchLearner
from mbctl.critics.value import ValueFunction
from mbctl.data.replay import Replay
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.fit import EnsembleFitter
from mbctl.policies.gaussian import GaussianPolicy
from mbctl.tasks.task import Task


class GameLearner(TorchLearner[GaussianPolicy]):
    """A model player and a policy player on one task.

    Args:
        task: gives observation, reward, termination, starts and goals.
        settings: hyper-parameters.
        seed, device: see `TorchLearner`.
    """

    COUNTS = ("rows_fitted",)
    ANY_LENGTH = ("rng",)  # it holds text

    def __init__(self, task: Task, settings: GameSettings, seed: int, device: str = "cpu") -> None:
        super().__init__(seed, device)
        self.task = task
        self.settings = settings
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
        data = transition_data(self.task, replay, self.settings, rows, self.device)
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

    def modules(self) -> dict[str, nn.Module]:
        return {"model": self.model, "policy": self.policy, "value": self.value}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"fitter": self.fitter.optimizer, "value": self.value.optimizer}

    def load_state(self, state: dict[str, Tensor]) -> None:
        super().load_state(state)
        self.rng.bit_generator.state = json.loads(bytes(state["rng"].numpy()).decode())

    def _tensors(self) -> dict[str, Tensor]:
        packed = np.frombuffer(json.dumps(self.rng.bit_generator.state).encode(), dtype=np.uint8)
        return {**super()._tensors(), "rng": torch.from_numpy(packed.copy())}
