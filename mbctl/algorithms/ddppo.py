"""DDPPO: a policy improved through a model whose derivatives have been learned as well.

Paper: Gradient Information Matters in Policy Optimization by Back-propagating through Model, Li,
Wang, Chen, Liu, Ma, Liu 2022, https://openreview.net/forum?id=rzvOQrnclO0. Implements Algorithm 1
with the hyper-parameters of Table 1 and, where the paper gives none, of the authors' code.

    symbol in the paper          here
    M^p, theta_p                 predictor
    M^g, theta_g                 gradient_model
    R, w, n (eqs. 9, 10)         SlopePenalty, gradient_weight, neighbours
    pi_phi                       SquashedGaussianPolicy
    Q_psi                        TwinQ
    D_env, D_model               Replay, ImaginedReplay.replay
    k                            ImaginedReplay.horizon, by horizon_schedule
    H                            horizon
    G_1, G_2                     updates_per_row, for both
    J_pi (eq. 11)                TwoModelActorCritic.returned
    J_Q, J_alpha (eqs. 12, 13)   SoftActorCritic

`refit` is lines 5 and 6, `improve` lines 7 to 19 for the rows that have come since: the rollouts
first, then all updates, each of the critics and then of the policy.

Deviations from the paper:
    * Updates come in blocks between episodes, updates_per_row for each new row, not after every
      step: a robot's policy changes when a version is published. The critics' target networks
      follow at each.
    * The first rows come from the first policy, whose actions are close to uniform.
    * The gradient loss is in the model's standard units, in which neighbours are sought, too; the
      paper has raw ones, in which the column of the largest numbers chooses the neighbours and owns
      the loss. w keeps the paper's values, though it weighs another quantity.
    * The gradient loss is that of rows drawn anew for each mini-batch out of the newest
      `neighbour_rows`, as in the authors' code (the paper's eq. 10 takes all rows), by forward-mode
      products (there, by whole Jacobians).
    * `neighbour_radius` can leave neighbours out that are too far; the paper takes any.
    * A path adds -alpha log pi discounted like the reward beside it, once, as eq. 11 has it; the
      authors' code discounts twice.
    * Paths use the means of the models (appendix B.1.2; the authors' code draws); rollouts for the
      critics draw, as MBPO's do.
    * H counts model steps, as in the paper; the authors' code counts states.
    * The reward is the task's own unless `learned_reward` is set: a robot task's reward depends on
      its goal, which the model does not see. A learned one takes its gradient from the gradient
      model, as the next state does.
    * Model targets are standardised, elites chosen in those units and best weights restored; see
      ProbabilisticEnsemble and ProbabilisticFitter. What counts for stopping and elites of the
      gradient model is its prediction of held-out rows, as in the authors' code.
    * Rewards and the value count only until the model predicts that the episode ended for good.
    * The policy's gradient is cut by its norm, the authors' by its entries; the critics' is not.
    * Models and critics see actions as the robot applies them, within its velocity bound.
"""

from torch import Tensor

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.branched_learner import BranchedLearner
from mbctl.algorithms.ddppo_settings import DdppoSettings
from mbctl.algorithms.mixed_transitions import MixedSource
from mbctl.algorithms.probabilistic_fit import fit_to_replay
from mbctl.algorithms.slope_penalty import SlopePenalty
from mbctl.algorithms.transitions import TransitionSource
from mbctl.algorithms.two_model_actor_critic import TwoModelActorCritic
from mbctl.algorithms.two_models import TwoModels
from mbctl.data.replay import Replay
from mbctl.models.fit import TransitionData
from mbctl.tasks.task import Task


class Ddppo(BranchedLearner):
    """Directional derivative projection policy optimisation, on one task.

    Args:
        task, settings, seed: as for `BranchedLearner`.
    """

    def __init__(self, task: Task, settings: DdppoSettings, seed: int) -> None:
        super().__init__(task, settings, seed, ("predictor", "gradient_model"))
        self.slope_settings = settings
        self.predictor, self.gradient_model = (f.model for f in self.fitters.values())
        models = TwoModels(self.predictor, self.gradient_model, self.generator)
        self._learner = TwoModelActorCritic(task, self.policy, self.critic, models, settings)

    @property
    def learner(self) -> TwoModelActorCritic:
        return self._learner

    @property
    def real_rows_per_update(self) -> int:
        """Those of the critics, and the starts of the policy's paths."""
        return super().real_rows_per_update + self.settings.batch

    def fit_models(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 1, lines 5 and 6."""
        predictor = self.fitters["predictor"]
        first = _part(progress, 0.0, 0.5)
        predicting = fit_to_replay(predictor, replay, self.settings, first)
        sloping = self._fit_gradient_model(replay, _part(progress, 0.5, 1.0))
        drawn = predicting["model_samples"] + sloping["model_samples"]
        told = {k.replace("model_", "gradient_model_"): v for k, v in sloping.items()}
        del told["gradient_model_samples"]
        return {**predicting, **told, "model_samples": drawn}

    def update(self, mixed: MixedSource, real: TransitionSource) -> None:
        """Critics and temperature by eqs. 12 and 13, then the policy by eq. 11."""
        batch = self.settings.batch
        starts = real.draw(batch, self.generator).observation
        self._learner.learn(mixed.draw(batch, self.generator), starts, self.generator)

    def _fit_gradient_model(self, replay: Replay, progress: Progress) -> Metrics:
        """Eq. 10."""
        settings, fitter = self.slope_settings, self.fitters["gradient_model"]
        if settings.gradient_weight == 0:
            return fit_to_replay(fitter, replay, settings, progress)
        images = self.task.symmetries if settings.symmetry else 1
        made: list[SlopePenalty] = []

        def penalty_of(data: TransitionData, reward: Tensor | None) -> SlopePenalty:
            penalty = SlopePenalty(fitter.model, data, reward, images, settings, self.generator)
            made.append(penalty)
            return penalty

        metrics = fit_to_replay(fitter, replay, settings, progress, penalty_of)
        return {**metrics, "model_neighbours_kept": made[0].kept_share}


def _part(progress: Progress, begin: float, end: float) -> Progress:
    """Reports of a move's part as those of the whole."""

    def report(phase: str, fraction: float, numbers: Metrics) -> None:
        progress(phase, begin + fraction * (end - begin), numbers)

    return report
