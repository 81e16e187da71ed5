"""BR: best response, the aggressive independent learner of the game; a baseline.

Paper: A Game Theoretic Framework for Model Based Reinforcement Learning, Rajeswaran, Mordatch,
Kumar 2020, https://arxiv.org/abs/2004.07804. Implements eqs. 8 and 9 with Subroutine 1.

    symbol in the paper          here
    pi_k                         policy
    M_k, M_{k+1}                 previous, model (after `refit`)
    arg max J(pi, M_k)           npg_steps, many
    arg min l(M, mu_W^{pi_k})    model_epochs, many, over the rows of pi_k alone

Both players answer the other as well as they can, at the same time: `refit` fits the model to the
data of pi_k alone (eq. 9), `improve` optimises the policy in M_k (eq. 8), which knows pi_{k-1} and
not what the policy turns into. The paper uses BR to show that this does not learn.

The paper gives the principle and no sizes. Deviations and choices:
    * A best response is as many steps as the follower of PAL (model) and of MAL (policy) takes.
    * M_0 is fitted to all of the first data.
    * The rest as for PAL.
"""

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.simultaneous_learner import SimultaneousLearner
from mbctl.data.replay import Replay


class Br(SimultaneousLearner):
    """Best response, on one task."""

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """Eq. 9: fit the model to the rows that have come since the last refit."""
        new = max(replay.total - self.rows_fitted, self.settings.rows_per_refit)
        return self.move_model(replay, new, progress)

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Eq. 8: optimise the policy in the model as it was before `refit`."""
        return self.improve_policy(replay, progress)
