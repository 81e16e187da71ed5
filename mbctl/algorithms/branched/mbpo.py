"""MBPO: soft actor-critic on short imagined rollouts that branch off real states.

Paper: When to Trust Your Model: Model-Based Policy Optimization, Janner, Fu, Zhang, Levine 2019,
https://arxiv.org/abs/1906.08253. Implements Algorithm 2 with the hyper-parameters of Table 1 and,
where the paper gives none, of the authors' code.

    symbol in the paper          here
    p_theta^i(s', r | s, a)      ProbabilisticEnsemble, i over its elites
    pi_phi                       SquashedGaussianPolicy
    D_env                        Replay
    D_model                      ImaginedReplay.replay
    B                            members
    M (per environment step)     rollouts / rows_per_refit
    k                            ImaginedReplay.horizon, by horizon_schedule
    E                            epoch_rows
    G                            updates_per_row
    J_pi (SAC)                   SoftActorCritic

`refit` is line 3. `improve` is lines 6 to 10 for the rows that have come since: the rollouts first,
with the new model and the policy as it is, then all updates.

Deviations from the paper:
    * Updates come in blocks between episodes, updates_per_row for each new row, not after every
      step: a robot's policy changes when a version is published. So the rows of a block are there
      before its updates, and its model has seen them.
    * All rollouts of a block are made at once (as in the authors' code, not in Algorithm 2).
    * The first rows come from the first policy, whose actions are close to uniform, in place of
      uniform ones.
    * Model targets are standardised and elites chosen in those units; see ProbabilisticEnsemble and
      ProbabilisticFitter.
    * The reward is the task's own unless `learned_reward` is set: a robot task's reward depends on
      its goal, which the model does not see.
    * The end of an episode is the task's own; imagined rows behind it are left out. A time limit is
      no end, in real rows and in imagined ones.
    * Model and critics see actions as the robot applies them, within its velocity bound.
    * Imagined states are held within 100 in magnitude.
"""

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.branched.imagined_replay import MixedSource
from mbctl.algorithms.branched.learner import BranchedLearner
from mbctl.algorithms.branched.settings import MbpoSettings
from mbctl.algorithms.sac.soft_actor_critic import SoftActorCritic
from mbctl.algorithms.sac.transitions import TransitionSource
from mbctl.data.replay import Replay
from mbctl.tasks.task import Task


class Mbpo(BranchedLearner[MbpoSettings]):
    """Model-based policy optimisation, on one task.

    Args:
        task, settings, seed, device: as for `BranchedLearner`.
    """

    def __init__(self, task: Task, settings: MbpoSettings, seed: int, device: str = "cpu") -> None:
        super().__init__(task, settings, seed, device)
        self._learner = SoftActorCritic(task, self.policy, self.critic, settings)

    @property
    def learner(self) -> SoftActorCritic:
        return self._learner

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 2, line 3. Errors are measured first, on rows that the model has not seen."""
        errors = self.measure_model(replay)
        return {**errors, **self.fit_model("model", replay, progress)}

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Lines 6 to 10: rollouts, then updates_per_row updates for each row that has come."""
        return self.branch_and_update(replay, progress, blocks=1)

    def update(self, mixed: MixedSource, real: TransitionSource) -> None:
        """One step down J_pi, on a mini-batch of D_model and D_env."""
        self._learner.update(mixed.draw(self.settings.batch, self.generator), self.generator)
