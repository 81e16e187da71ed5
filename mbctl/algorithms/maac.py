"""MAAC: model-augmented actor-critic.

Paper: Model-Augmented Actor-Critic: Backpropagating through Paths, Clavera, Fu, Abbeel 2020,
https://arxiv.org/abs/2005.08068. Implements Algorithm 1 with the objective of section 4.3.

    symbol in the paper          here
    pi_theta                     SquashedGaussianPolicy
    f_phi1 .. f_phiM             model, a ProbabilisticEnsemble, its elites
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
    * One path begins at each start, and several actions at its horizon (`terminal_actions`), as in
      one revision of their code; section 4.3 and another revision sample several paths.
    * Targets are STEVE's own: rewards carry the entropy of the action behind them, and the variance
      is over critics and models; in their code only the value is soft, and the smaller critic is
      taken before the variance over models.
    * A fit stops as MBPO's does; theirs by a rolling average, after 200 epochs at most.
    * Hidden units are ReLU; theirs are tanh in some tasks.
    * The policy's gradient is cut to a length, against steps that the model blows up.
    * The first rows come from the first policy, whose actions are close to uniform.
"""

from mbctl.algorithms.branched_learner import BranchedLearner
from mbctl.algorithms.maac_settings import MaacSettings
from mbctl.algorithms.mixed_transitions import MixedSource
from mbctl.algorithms.pathwise_actor_critic import PathwiseActorCritic
from mbctl.algorithms.transitions import TransitionSource
from mbctl.tasks.task import Task


class Maac(BranchedLearner):
    """Model-augmented actor-critic, on one task.

    Args:
        task, settings, seed: as for `BranchedLearner`.
    """

    def __init__(self, task: Task, settings: MaacSettings, seed: int) -> None:
        super().__init__(task, settings, seed)
        self.rollout_blocks = settings.rollout_blocks
        self._learner = PathwiseActorCritic(task, self.policy, self.critic, self.model, settings)

    @property
    def learner(self) -> PathwiseActorCritic:
        return self._learner

    @property
    def mirror(self) -> None:
        """None: paths go through the model, which knows no mirror image."""

    def update(self, mixed: MixedSource, real: TransitionSource) -> None:
        """One step up J_pi and one down J_Q, section 4.3."""
        self._learner.update(mixed.draw(self.settings.batch, self.generator), self.generator)
