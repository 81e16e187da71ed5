"""GDA: gradient descent ascent, the simplest independent learner of the game; a baseline.

Paper: A Game Theoretic Framework for Model Based Reinforcement Learning, Rajeswaran, Mordatch,
Kumar 2020, https://arxiv.org/abs/2004.07804. Implements eqs. 6 and 7 with Subroutine 1.

    symbol in the paper          here
    pi_k                         policy
    M_k, M_{k+1}                 previous, model (after `refit`)
    alpha_k                      step_size, with npg_steps = 1
    beta_k                       model_learning_rate, model_epochs, model_steps_max
    mu_W^{pi_k}                  the rows of the replay

Both players take one small step at the same time: `refit` steps the model from M_k to M_{k+1}
(eq. 7), `improve` steps the policy in M_k (eq. 6). That the policy does not use M_{k+1} is what
tells GDA from PAL with few model steps.

The paper gives the principle and no sizes. Deviations and choices:
    * A model step is one pass over all data, and at most 100 gradient steps: with data of pi_k
      alone a step as small as this never leaves the noise.
    * M_0 is fitted to the first data as PAL's model is, since a policy step in a random M_0 would
      be a random step.
    * The rest as for PAL.
"""

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.simultaneous_learner import SimultaneousLearner
from mbctl.data.replay import Replay


class Gda(SimultaneousLearner):
    """Gradient descent ascent, on one task."""

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """Eq. 7: a conservative model step on all rows."""
        return self.move_model(replay, len(replay), progress)

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Eq. 6: a conservative policy step in the model as it was before `refit`."""
        return self.improve_policy(replay, progress)
