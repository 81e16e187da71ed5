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
    beta                         exp(learner.log_alpha), learned as in SAC
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

import torch
from torch import Tensor

from mbctl.algorithms.algorithm import Metrics, Progress
from mbctl.algorithms.branched.expanded_targets import ValueExpansion
from mbctl.algorithms.branched.imagined_replay import MixedSource
from mbctl.algorithms.branched.learner import BranchedLearner
from mbctl.algorithms.branched.pathwise import PathwiseActorCritic
from mbctl.algorithms.branched.settings import MaacSettings
from mbctl.algorithms.sac.transitions import Transitions, TransitionSource
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.losses.pathwise import PathwiseReturn, pathwise_return
from mbctl.losses.sac import critic_loss
from mbctl.models.imagine import STATE_LIMIT
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task


class Maac(BranchedLearner[MaacSettings]):
    """Model-augmented actor-critic, on one task.

    Args:
        task, settings, seed, device: as for `BranchedLearner`.
    """

    def __init__(self, task: Task, settings: MaacSettings, seed: int, device: str = "cpu") -> None:
        super().__init__(task, settings, seed, device)
        self._learner = ModelAugmentedActorCritic(
            task, self.policy, self.critic, self.model, settings
        )

    @property
    def learner(self) -> "ModelAugmentedActorCritic":
        return self._learner

    @property
    def mirror(self) -> None:
        """None: paths go through the model, which knows no mirror image."""

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """Algorithm 1, lines 3 to 5. Errors are measured first, on rows new to the model."""
        errors = self.measure_model(replay)
        return {**errors, **self.fit_model("model", replay, progress)}

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """Lines 6 to 12: rollouts of the policy of that moment before each block of updates."""
        return self.branch_and_update(replay, progress, self.settings.rollout_blocks)

    def update(self, mixed: MixedSource, real: TransitionSource) -> None:
        """One step up J_pi and one down J_Q, section 4.3."""
        self._learner.update(mixed.draw(self.settings.batch, self.generator), self.generator)


class ModelAugmentedActorCritic(PathwiseActorCritic):
    """Updates a policy and its critics from transitions and a model of what follows them.

    The policy by the pathwise objective, the critics by STEVE's targets. Transitions are as the
    robot sees them, not mirrored: the model knows no policy's view.
    """

    def __init__(
        self,
        task: Task,
        policy: SquashedGaussianPolicy,
        critic: TwinQ,
        model: ProbabilisticEnsemble,
        settings: MaacSettings,
    ) -> None:
        super().__init__(task, policy, critic, settings)
        self.model = model
        self.path = settings
        self.expansion = ValueExpansion(task, model, policy, critic, settings)

    def update(self, batch: Transitions, generator: torch.Generator) -> None:
        """One gradient step of policy and temperature, then one of the critics."""
        alpha = self.log_alpha.detach().exp()
        self._improve_along_paths(batch.observation, alpha, generator)
        self._expand_value(batch, alpha, generator)
        self.critic.track(self.settings.target_rate)

    def returned(self, starts: Tensor, alpha: Tensor, generator: torch.Generator) -> PathwiseReturn:
        """The objective of section 4.3 at these starts, [B]."""
        task, path = self.task, self.path
        steps = _Steps(self.model, self.expansion, path.model_noise, generator)
        return pathwise_return(
            task,
            steps.step,
            self.policy,
            self.critic.minimum_for_actor,
            alpha,
            task.physical(starts),
            task.last_action(starts),
            task.goal(starts),
            path.horizon,
            path.gamma,
            generator,
            terminal_actions=path.terminal_actions,
            entropy=path.entropy,
            straight_through=path.bound_gradient == "straight_through",
            reward=steps.reward,
        )

    def _expand_value(self, batch: Transitions, alpha: Tensor, generator: torch.Generator) -> None:
        target = self.expansion.target(batch, alpha, generator)
        view, flipped = self.policy.canonical(batch.observation)
        q = self.critic.values(view, self.policy.applied(batch.action, flipped))
        loss = critic_loss(q, target.value)
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimizer.step()
        depth = torch.arange(len(target.weight), dtype=torch.float32, device=q.device)
        looked_ahead = (depth[:, None] * target.weight).sum(dim=0)
        self._last |= {
            "critic_loss": loss.detach(),
            "q": q.detach(),
            "expansion_depth": looked_ahead,
        }


class _Steps:
    """One elite's step for each row, and what it is worth."""

    def __init__(
        self,
        model: ProbabilisticEnsemble,
        expansion: ValueExpansion,
        noise: bool,
        generator: torch.Generator,
    ) -> None:
        self._model = model
        self._expansion = expansion
        self._noise = noise
        self._generator = generator
        self._learned: Tensor | None = None

    def step(self, physical: Tensor, applied: Tensor) -> Tensor:
        drawn = self._model.sample_differentiable(
            physical, applied, self._generator, noise=self._noise
        )
        self._learned = drawn.reward
        return drawn.next_physical.clamp(-STATE_LIMIT, STATE_LIMIT)

    def reward(self, before: Tensor, applied: Tensor, after: Tensor, goal: Tensor) -> Tensor:
        """Of the last step."""
        return self._expansion.reward(after, applied, goal, self._learned)
