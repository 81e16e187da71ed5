"""GDA and BR: both players move at once, each against the other as it was; baselines.

Paper: A Game Theoretic Framework for Model Based Reinforcement Learning, Rajeswaran, Mordatch,
Kumar 2020, https://arxiv.org/abs/2004.07804. Implements eqs. 6 to 9 with Subroutine 1.

    symbol in the paper          here
    pi_k                         policy
    M_k, M_{k+1}                 previous, model (after `refit`)
    alpha_k                      GDA: step_size, with npg_steps = 1
    beta_k                       GDA: model_learning_rate, model_epochs, model_steps_max
    arg max J(pi, M_k)           BR: npg_steps, many
    arg min l(M, mu_W^{pi_k})    BR: model_epochs, many, over the rows of pi_k alone

pi_{k+1} is made in M_k while M_{k+1} is made from data of pi_k. `refit` is called before `improve`,
so M_k is kept beside M_{k+1} for the policy. That the policy does not use M_{k+1} is what tells GDA
from PAL with few model steps.

The paper gives the principle and no sizes. Deviations and choices:
    * GDA's model step is one pass over all data, and at most 100 gradient steps: with data of pi_k
      alone a step as small as this never leaves the noise.
    * GDA's M_0 is fitted to the first data as PAL's model is, since a policy step in a random M_0
      would be a random step; and so is BR's.
    * BR's best response is as many steps as the follower of PAL (model) and of MAL (policy) takes.
    * The rest as for PAL.
"""

import torch
from torch import nn

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.game.learner import GameLearner
from mbctl.algorithms.game.policy_update import ModelBasedNpg
from mbctl.algorithms.game.settings import SimultaneousSettings
from mbctl.data.replay import Replay
from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.tasks.task import Task


class SimultaneousLearner(GameLearner):
    """A model player, a policy player, and the model as the policy player last saw it.

    M_0 is fitted to the first data by passes of its own, and the first policy is made in M_0.

    Args:
        task, settings, seed, device: as for `GameLearner`.
    """

    def __init__(
        self, task: Task, settings: SimultaneousSettings, seed: int, device: str = "cpu"
    ) -> None:
        super().__init__(task, settings, seed, device)
        self.initial_model_epochs = settings.initial_model_epochs
        self.previous = DeterministicEnsemble(
            task,
            settings.model_hidden,
            settings.members,
            settings.model_kinematics,
            torch.Generator(self.device),
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

    def modules(self) -> dict[str, nn.Module]:
        return {**super().modules(), "previous": self.previous}

    def _keep_model(self) -> None:
        self.previous.load_state_dict(self.model.state_dict())


class Gda(SimultaneousLearner):
    """Gradient descent ascent, the simplest independent learner: a small step of each player."""

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """Eq. 7: a conservative model step on all rows."""
        return self.move_model(replay, len(replay), progress)

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Eq. 6: a conservative policy step in the model as it was before `refit`."""
        return self.improve_policy(replay, progress)


class Br(SimultaneousLearner):
    """Best response, the aggressive independent learner: each player answers as well as it can.

    What is optimised in M_k knows pi_{k-1} and not what the policy turns into. The paper uses BR to
    show that this does not learn.
    """

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """Eq. 9: fit the model to the rows that have come since the last refit."""
        new = max(replay.total - self.rows_fitted, self.settings.rows_per_refit)
        return self.move_model(replay, new, progress)

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Eq. 8: optimise the policy in the model as it was before `refit`."""
        return self.improve_policy(replay, progress)
