"""PAL and MAL: one player leads, the other answers what it did.

Paper: A Game Theoretic Framework for Model Based Reinforcement Learning, Rajeswaran, Mordatch,
Kumar 2020, https://arxiv.org/abs/2004.07804. Implements Algorithms 3 and 4 with Subroutine 1.

    symbol in the paper          here
    pi_theta                     GaussianPolicy
    V_psi                        ValueFunction
    M_phi^j, j = 1..4            DeterministicEnsemble, one member each
    D, B                         Replay, its capacity (MAL: every row is kept)
    N_init, N                    initial_rows, rows_per_refit
    K                            npg_steps (MAL: K >> 1)
    N_tau, H                     rollouts, horizon
    delta                        step_size

In both the model plays first: `refit`; and the policy then uses M_{k+1}, fitted to data of pi_k:
`improve`. Who leads, that is moves conservatively, is a matter of how far each goes on how much
data, which the settings say.

Deviations from the paper:
    * Algorithm 4, line 6, says M_0 in every iteration; Algorithm 2, line 3, and eq. 18 say M_k,
      which is meant.
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

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.game.learner import GameLearner
from mbctl.data.replay import Replay


class Pal(GameLearner):
    """Policy as leader, on one task.

    The follower (model) plays first, to convergence on recent data. The leader (policy) then takes
    a few conservative steps in that model.
    """

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 3, line 5. Errors are measured first, on rows that the model has not seen."""
        errors = self.measure_model(replay)
        return {**errors, **self.fit_model(replay, self.model_steps(len(replay)), progress)}

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 3, line 6: K steps of Subroutine 1."""
        return self.improve_policy(replay, progress)


class Mal(GameLearner):
    """Model as leader, on one task.

    The leader (model) moves conservatively, by a few passes over all data there has ever been. The
    follower (policy) then optimises in that model by many steps. The aggregated data are what makes
    the model's step conservative; so the buffer must not be short.
    """

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 4, lines 4 and 8 (eq. 19): a few passes over everything."""
        errors = self.measure_model(replay)
        return {**errors, **self.fit_model(replay, self.model_steps(len(replay)), progress)}

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 4, line 6 (eq. 18): K steps of Subroutine 1, K large."""
        return self.improve_policy(replay, progress)
