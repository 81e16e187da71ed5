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

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.branched.imagined_replay import MixedSource
from mbctl.algorithms.branched.learner import BranchedLearner
from mbctl.algorithms.branched.pathwise import PathwiseActorCritic
from mbctl.algorithms.branched.settings import DdppoSettings
from mbctl.algorithms.branched.slope_penalty import SlopePenalty
from mbctl.algorithms.sac.transitions import Transitions, TransitionSource
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.losses.pathwise import PathwiseReturn, pathwise_return
from mbctl.models.fit import TransitionData
from mbctl.models.imagine import STATE_LIMIT
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


class Ddppo(BranchedLearner[DdppoSettings]):
    """Directional derivative projection policy optimisation, on one task.

    Args:
        task, settings, seed, device: as for `BranchedLearner`.
    """

    def __init__(self, task: Task, settings: DdppoSettings, seed: int, device: str = "cpu") -> None:
        super().__init__(task, settings, seed, device, ("predictor", "gradient_model"))
        self.predictor, self.gradient_model = (f.model for f in self.fitters.values())
        models = TwoModels(self.predictor, self.gradient_model, self.generator)
        self._learner = TwoModelActorCritic(task, self.policy, self.critic, models, settings)

    @property
    def learner(self) -> "TwoModelActorCritic":
        return self._learner

    @property
    def real_rows_per_update(self) -> int:
        """Those of the critics, and the starts of the policy's paths."""
        return super().real_rows_per_update + self.settings.batch

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 1, lines 5 and 6. Errors are measured first, on rows new to the predictor."""
        errors = self.measure_model(replay)
        predicting = self.fit_model("predictor", replay, _part(progress, 0.0, 0.5))
        sloping = self._fit_gradient_model(replay, _part(progress, 0.5, 1.0))
        told = {k.replace("model_", "gradient_model_"): v for k, v in sloping.items()}
        del told["gradient_model_samples"]
        return {**errors, **predicting, **told, "model_samples": float(self.samples_fitted)}

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Lines 7 to 19: rollouts of the predictor, then all updates."""
        return self.branch_and_update(replay, progress, blocks=1)

    def update(self, mixed: MixedSource, real: TransitionSource) -> None:
        """Critics and temperature by eqs. 12 and 13, then the policy by eq. 11."""
        batch = self.settings.batch
        starts = real.draw(batch, self.generator).observation
        self._learner.learn(mixed.draw(batch, self.generator), starts, self.generator)

    def _fit_gradient_model(self, replay: Replay, progress: Progress) -> Metrics:
        """Eq. 10."""
        settings = self.settings
        if settings.gradient_weight == 0:
            return self.fit_model("gradient_model", replay, progress)
        images = self.task.symmetries if settings.symmetry else 1
        made: list[SlopePenalty] = []

        def penalty_of(data: TransitionData, reward: Tensor | None) -> SlopePenalty:
            penalty = SlopePenalty(
                self.gradient_model, data, reward, images, settings, self.generator
            )
            made.append(penalty)
            return penalty

        metrics = self.fit_model("gradient_model", replay, progress, penalty_of)
        return {**metrics, "model_neighbours_kept": made[0].kept_share}


def _part(progress: Progress, begin: float, end: float) -> Progress:
    """Reports of a move's part as those of the whole."""

    def report(phase: str, fraction: float, numbers: Metrics) -> None:
        progress(phase, begin + fraction * (end - begin), numbers)

    return report


class TwoModelActorCritic(PathwiseActorCritic):
    """Updates critics from transitions, and the policy from starts, through two models."""

    def __init__(
        self,
        task: Task,
        policy: SquashedGaussianPolicy,
        critic: TwinQ,
        models: "TwoModels",
        settings: DdppoSettings,
    ) -> None:
        super().__init__(task, policy, critic, settings)
        self.models = models
        self.path = settings
        self._earned = task.reward if settings.reward == "task" else task.objective

    def learn(self, batch: Transitions, starts: Tensor, generator: torch.Generator) -> None:
        """One gradient step of the critics, then one of policy and temperature.

        Args:
            batch: transitions in the policy's view, real and imagined.
            starts: real observations [B, O] in the robot's view.
        """
        alpha = self.log_alpha.detach().exp()
        self._improve_critic(batch, alpha, generator)
        self._improve_along_paths(starts, alpha, generator)
        self.critic.track(self.settings.target_rate)

    def returned(self, starts: Tensor, alpha: Tensor, generator: torch.Generator) -> PathwiseReturn:
        """Eq. 11 at each start: values by the prediction model, gradients by the gradient model."""
        task, path = self.task, self.path
        return pathwise_return(
            task,
            self.models.step,
            self.policy,
            self.critic.minimum_for_actor,
            alpha,
            task.physical(starts),
            task.last_action(starts),
            task.goal(starts),
            path.horizon,
            path.gamma,
            generator,
            straight_through=path.bound_gradient == "straight_through",
            reward=self._reward,
        )

    def _reward(self, before: Tensor, applied: Tensor, after: Tensor, goal: Tensor) -> Tensor:
        if self.path.learned_reward:
            gained = self.models.learned_reward(before, applied, after, goal)
        else:
            gained = self._earned(after, goal) - self.task.action_cost(applied)
        return self.path.reward_scale * gained


class TwoModels:
    """The prediction model says where a step leads, the gradient model how that depends on it.

    Each is asked for the mean of one elite per row, drawn anew at each step. Means are the paper's
    (appendix B.1.2), the draw its code's.

    Args:
        predictor: tells values.
        gradient_model: tells gradients by state and action.
        generator: which elites are asked.
    """

    def __init__(
        self,
        predictor: ProbabilisticEnsemble,
        gradient_model: ProbabilisticEnsemble,
        generator: torch.Generator,
    ) -> None:
        self.predictor = predictor
        self.gradient_model = gradient_model
        self.generator = generator
        self._reward: Tensor | None = None

    def step(
        self, physical: Float[Tensor, "B P"], applied: Float[Tensor, "B A"]
    ) -> Float[Tensor, "B P"]:
        """Next physical state."""
        told = self.predictor.sample(physical, applied, self.generator, noise=False)
        sloped = self.gradient_model.sample_differentiable(
            physical, applied, self.generator, noise=False
        )
        if told.reward is not None and sloped.reward is not None:
            self._reward = value_and_slope(told.reward, sloped.reward)
        held = told.next_physical.clamp(-STATE_LIMIT, STATE_LIMIT)
        return value_and_slope(held, sloped.next_physical)

    def learned_reward(
        self, physical: Tensor, applied: Tensor, after: Tensor, goal: Tensor
    ) -> Float[Tensor, "B"]:
        """The reward of the last step, as the models have learned it from state and action.

        Raises:
            ValueError: the models do not learn it, or there was no step.
        """
        if self._reward is None:
            raise ValueError("no learned reward: the models do not learn it or took no step yet")
        return self._reward


def value_and_slope(value: Tensor, slope: Tensor) -> Tensor:
    """p + (g - stopgrad(g)): the number p, with the gradient of g.

    Back-propagation through a path of such steps is the paper's: states of the prediction model,
    Jacobians of the gradient model at them.
    """
    return value.detach() + (slope - slope.detach())
