"""A learner whose policy acts through a planner: pal-mpc, mal-mpc, maac-mpc.

Papers: Model-Augmented Actor-Critic, Clavera, Fu, Abbeel 2020, https://arxiv.org/abs/2005.08068,
section 5.4 (a planner at test time, from the policy; the critic behind the horizon is the code's);
A Game Theoretic Framework for Model Based Reinforcement Learning, Rajeswaran et al. 2020,
https://arxiv.org/abs/2004.07804, for the learners PAL and MAL, which have no planner there.

    symbol in the papers         here
    f, hat f                     the learner's model, its means
    pi                           the learner's policy: prior, first action, and fallback
    Q                            the learner's critics where it has any, behind the horizon
    H                            planner.horizon

The learner learns as ever; its snapshot carries the model and the planner's settings too, so that
robot and benchmarks act through the planner, when they collect and when they evaluate.

Deviations from the papers:
    * PAL and MAL collect their data with the planner too, with noise on its actions. MAAC plans
      when it is tested, unless `explores` is set.
    * Until the model has been fitted to data, the policy acts alone: plans in a random model are
      random actions that repeat themselves.
    * The planner asks the model for means and, unless `members_per_sequence` says otherwise, every
      member about every sequence; MAAC's code draws one member and its noise per row, by which
      sequences are kept for their luck.
    * The search is among actions, cut at +-1; MAAC's code searches before the tanh.
"""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from mbctl.algorithms.algorithm import Algorithm, Metrics, Progress
from mbctl.algorithms.planned.settings import PlannedSettings
from mbctl.algorithms.registry import ALGORITHMS
from mbctl.algorithms.sac.settings import ActorCriticSettings
from mbctl.algorithms.settings import AlgorithmSettings
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.planners.snapshot_parts import PlannableModel, planner_parts
from mbctl.tasks.task import Task


@runtime_checkable
class ModelLearner(Algorithm, Protocol):
    """An algorithm with a dynamics model that a planner can ask."""

    @property
    def policy(self) -> Any:
        """What acts on observations."""
        ...

    @property
    def model(self) -> PlannableModel: ...


@runtime_checkable
class CriticLearner(ModelLearner, Protocol):
    """One that has critics, too."""

    @property
    def critic(self) -> TwinQ: ...

    @property
    def settings(self) -> ActorCriticSettings: ...


def build_planned(
    task: Task, settings: PlannedSettings, seed: int, device: str = "cpu"
) -> "PlannedLearner":
    """The algorithm that the settings learn by, behind a planner.

    Raises:
        ValueError: as `planned`.
    """
    return planned(ALGORITHMS[settings.learner].build(settings, task, seed, device), settings)


def planned(learner: Algorithm, settings: PlannedSettings) -> "PlannedLearner":
    """`learner` behind a planner, with its critics behind the horizon where it has any.

    Raises:
        ValueError: it has no model to plan in, or no critics although the settings say so.
    """
    if not isinstance(learner, ModelLearner):
        raise ValueError(f"{type(learner).__name__} has no dynamics model that can be planned in")
    if settings.value_ends_plans:
        if not isinstance(learner, CriticLearner):
            raise ValueError(f"{type(learner).__name__} has no critics to end plans with")
        return PlannedLearner(learner, settings, learner.critic, learner.settings.reward_scale)
    return PlannedLearner(learner, settings)


class PlannedLearner:
    """`learner`, acting through a planner.

    Args:
        learner: learns; its moves and its checkpoint are this one's.
        settings: of the planner.
        critic: what lies behind the planner's horizon; None is nothing.
        reward_scale: what rewards are multiplied by while the critic learns.
    """

    def __init__(
        self,
        learner: ModelLearner,
        settings: PlannedSettings,
        critic: TwinQ | None = None,
        reward_scale: float = 1.0,
    ) -> None:
        self.learner = learner
        self.planned_settings = settings
        self.critic = critic
        self.reward_scale = reward_scale

    @property
    def settings(self) -> AlgorithmSettings:
        return self.learner.settings

    @property
    def policy(self) -> Any:
        return self.learner.policy

    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """The learner's."""
        return self.learner.refit(replay, progress)

    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """The learner's."""
        return self.learner.improve(replay, progress)

    def snapshot(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The learner's, and the planner once there is a model to plan in."""
        architecture, weights = self.learner.snapshot()
        if not self.learner.model.fitted:
            return architecture, weights
        settings = self.planned_settings
        planner, arrays = planner_parts(
            self.learner.model,
            settings.planner.model_dump(),
            settings.exploration_std,
            settings.shift_steps_max,
            self.critic,
            self.reward_scale,
            settings.explores,
        )
        return {**architecture, "planner": planner.model_dump()}, weights | arrays

    def state(self) -> dict[str, Tensor]:
        return self.learner.state()

    def load_state(self, state: dict[str, Tensor]) -> None:
        self.learner.load_state(state)
