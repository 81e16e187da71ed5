"""MAL: model as leader.

Paper: A Game Theoretic Framework for Model Based Reinforcement Learning, Rajeswaran, Mordatch,
Kumar 2020, https://arxiv.org/abs/2004.07804. Implements Algorithm 4 with Subroutine 1.

    symbol in the paper          here
    pi_theta                     GaussianPolicy
    V_psi                        ValueFunction
    M_phi^j, j = 1..4            DeterministicEnsemble, one member each
    D                            Replay, which keeps every row
    N_init, N                    initial_rows, rows_per_refit
    K >> 1                       npg_steps
    N_tau, H                     rollouts, horizon
    delta                        step_size

The leader (model) moves conservatively, by a few passes over all data there has ever been: `refit`,
lines 4 and 8 (eq. 19). The follower (policy) then optimises in that model by many steps: `improve`,
line 6 (eq. 18). The aggregated data are what makes the model's step conservative; so the buffer
must not be short.

Deviations from the paper:
    * Line 6 says M_0 in every iteration; Algorithm 2, line 3, and eq. 18 say M_k, which is meant.
    * The rest as for PAL: the model predicts the physical part only and sees the action as
      applied; models and Adam's moments go on from the last refit; no entropy bonus but a floor
      under log_std; the value function sees the share of the episode that lies behind.
"""

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.game_learner import GameLearner
from mbctl.data.replay import Replay


class Mal(GameLearner):
    """Model as leader, on one task."""

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 4, lines 4 and 8: a few passes over everything."""
        errors = self.measure_model(replay)
        return {**errors, **self.fit_model(replay, self.model_steps(len(replay)), progress)}

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 4, line 6: K steps of Subroutine 1, K large."""
        return self.improve_policy(replay, progress)
