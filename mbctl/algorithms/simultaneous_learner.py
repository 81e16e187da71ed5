"""What GDA and BR share: both players move at once, each against the other as it was.

Rajeswaran et al. 2020, section 4.1, eqs. 6 to 9: pi_{k+1} is made in M_k while M_{k+1} is made
from data of pi_k. `refit` is called before `improve`, so M_k is kept beside M_{k+1} for the policy.
"""

import torch
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.checkpoint import copies
from mbctl.algorithms.game_learner import GameLearner
from mbctl.algorithms.game_settings import SimultaneousSettings
from mbctl.algorithms.model_npg import ModelBasedNpg
from mbctl.algorithms.npg_checkpoint import load_model_state, model_state
from mbctl.data.replay import Replay
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.tasks.task import Task


class SimultaneousLearner(GameLearner):
    """A model player, a policy player, and the model as the policy player last saw it.

    M_0 is fitted to the first data by passes of its own, and the first policy is made in M_0.

    Args:
        task, settings, seed: as for `GameLearner`.
    """

    def __init__(self, task: Task, settings: SimultaneousSettings, seed: int) -> None:
        super().__init__(task, settings, seed)
        self.initial_model_epochs = settings.initial_model_epochs
        self.previous = DeterministicEnsemble(
            task,
            settings.model_hidden,
            settings.members,
            settings.model_kinematics,
            torch.Generator(),
        )
        self._keep_model()
        self.npg = ModelBasedNpg(task, self.previous, self.policy, self.value, settings)

    def move_model(self, replay: Replay, newest: int, progress: Progress) -> Metrics:
        """M_k to M_{k+1} on the `newest` rows, M_k being kept; or M_0 from all of them."""
        errors = self.measure_model(replay)
        if not self.model.fitted:
            wanted = self.initial_model_epochs * len(replay) // self.settings.model_batch
            fit = self.fit_model(replay, max(1, wanted), progress)
            self._keep_model()
        else:
            self._keep_model()
            newest = min(newest, len(replay))
            fit = self.fit_model(replay, self.model_steps(newest), progress, newest)
        return {**errors, **fit}

    def state(self) -> dict[str, Tensor]:
        return {**super().state(), **copies(model_state(self.previous, "previous."))}

    def load_state(self, state: dict[str, Tensor]) -> None:
        super().load_state(state)
        load_model_state(self.previous, state, "previous.")

    def _keep_model(self) -> None:
        load_model_state(self.previous, model_state(self.model, ""), "")
