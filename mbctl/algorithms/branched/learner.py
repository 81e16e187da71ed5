"""What MBPO, MAAC and DDPPO share: a soft actor-critic fed by rollouts that branch off real states.

An algorithm is a class derived from this one that says what its moves are: which models are fitted,
how often rollouts are made, and what an update is.
"""

from abc import abstractmethod
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from mbctl.algorithms.algorithm import REPORT_EVERY, Metrics, Progress
from mbctl.algorithms.branched.imagined_replay import ImaginedReplay, MixedSource
from mbctl.algorithms.branched.model_player import PenaltyOf, fit_to_replay
from mbctl.algorithms.branched.settings import BranchedSettings
from mbctl.algorithms.model_error import model_errors
from mbctl.algorithms.sac.soft_actor_critic import SoftActorCritic
from mbctl.algorithms.sac.transitions import TransitionSource, updates_due_after_first_rows
from mbctl.algorithms.torch_learner import TorchLearner
from mbctl.critics.twin_q import TwinQ
from mbctl.data.replay import Replay
from mbctl.losses.gaussian_nll import gaussian_nll
from mbctl.models.fit_probabilistic import ProbabilisticFitter
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.reflection import Reflection
from mbctl.tasks.task import Task

S = TypeVar("S", bound=BranchedSettings)


class BranchedLearner(TorchLearner[SquashedGaussianPolicy], Generic[S]):
    """Ensembles, imagined rows, policy and twin Q on one task.

    Args:
        task: gives observations, limits, ends and, where they are not learned, rewards.
        settings: hyper-parameters.
        seed, device: see `TorchLearner`.
        models: names of the ensembles, the one that imagines first.
    """

    COUNTS = ("rows_used", "rows_fitted", "samples_fitted")
    ANY_LENGTH = ("imagined",)

    def __init__(
        self,
        task: Task,
        settings: S,
        seed: int,
        device: str = "cpu",
        models: tuple[str, ...] = ("model",),
    ) -> None:
        super().__init__(seed, device)
        self.task = task
        self.settings = settings
        self.fitters = {name: self._fitter() for name in models}
        self.model = self.fitters[models[0]].model
        sizes = len(task.observation_names), len(task.robot.joints)
        mirror = task.reflection if settings.mirrored_policy else None
        self.policy = SquashedGaussianPolicy(*sizes, settings.policy_hidden, mirror, self.generator)
        self.critic = TwinQ(*sizes, settings.critic_hidden, settings.layer_norm, self.generator)
        self.imagined = ImaginedReplay(task, settings)
        self.rows_used = 0  # by improve
        self.rows_fitted = 0  # by refit
        self.samples_fitted = 0  # real rows that the last fit drew

    @property
    @abstractmethod
    def learner(self) -> SoftActorCritic:
        """Whose optimisers, temperature and numbers of the last update they are."""

    @abstractmethod
    def update(self, mixed: MixedSource, real: TransitionSource) -> None:
        """One gradient step of critics and policy.

        Args:
            mixed: imagined and real rows, as `mirror` shows them.
            real: real rows as they are.
        """

    @property
    def mirror(self) -> Reflection | None:
        """In whose mirror image critics are shown their rows."""
        return self.policy.reflection

    @property
    def real_rows_per_update(self) -> int:
        """Rows of the replay that an update draws."""
        return round(self.settings.real_share * self.settings.batch)

    @abstractmethod
    def refit(self, replay: Replay, progress: Progress) -> Metrics:
        """The model player's move."""

    @abstractmethod
    def improve(self, replay: Replay, progress: Progress) -> Metrics:
        """The policy player's move."""

    def measure_model(self, replay: Replay) -> Metrics:
        """Errors on the rows that are new to the models; so before `fit_model`."""
        self.samples_fitted = 0
        return model_errors(self.task, self.model, replay, replay.total - self.rows_fitted)

    def fit_model(
        self, name: str, replay: Replay, progress: Progress, penalty_of: PenaltyOf | None = None
    ) -> Metrics:
        """Fit one ensemble by its likelihood, and by a penalty if there is one."""
        found = fit_to_replay(self.fitters[name], replay, self.settings, progress, penalty_of)
        self.rows_fitted = replay.total
        self.samples_fitted += int(found["model_samples"])
        return found

    def branch_and_update(self, replay: Replay, progress: Progress, blocks: int) -> Metrics:
        """Updates for the rows that have come, in so many blocks that each begin with rollouts."""
        updates = self.updates_due(replay.total)
        if self.settings.standard_inputs:
            self.learner.follow_inputs(replay, begin=self.rows_used == 0)
        real = TransitionSource(self.task, replay, self.settings, None, self.device)
        told = {"horizon": float(self.imagined.horizon(replay.total)), "imagined_rows": 0.0}

        def report(done: int) -> None:
            counts = {"improve_step": float(done), "improve_steps": float(updates)}
            progress("IMPROVE", done / updates, {**self.learner.metrics(), **told, **counts})

        block = max(1, -(-updates // blocks))
        for begin in range(0, updates, block):
            report(begin)
            new = self.imagined.extend(self.model, self.policy, replay, self.generator)
            told["imagined_rows"] += new
            mixed = self._mixed(replay)
            for k in range(begin, min(begin + block, updates)):
                if k % REPORT_EVERY == 0:
                    report(k)
                self.update(mixed, real)
        self.rows_used = replay.total
        # Numbers of the two moves are put together, so this one counts the rows of both.
        drawn = self.samples_fitted + updates * self.real_rows_per_update
        return {**self.learner.metrics(), **told, "model_samples": float(drawn)}

    def updates_due(self, rows: int) -> int:
        """Updates when `rows` rows have ever come; at first and without new ones, one refit's."""
        settings = self.settings
        rates = settings.updates_per_row, settings.rows_per_refit
        return updates_due_after_first_rows(*rates, self.rows_used, rows)

    def modules(self) -> dict[str, nn.Module]:
        models = {name: fitter.model for name, fitter in self.fitters.items()}
        return {**self.learner.modules(), **models}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        fitters = {name: fitter.optimizer for name, fitter in self.fitters.items()}
        return {**self.learner.optimizers(), **fitters}

    def load_state(self, state: dict[str, Tensor]) -> None:
        super().load_state(state)
        self.imagined.restore(state["imagined"])

    def _tensors(self) -> dict[str, Tensor]:
        return {**super()._tensors(), "imagined": torch.from_numpy(self.imagined.replay.rows)}

    def _fitter(self) -> ProbabilisticFitter:
        settings = self.settings
        model = ProbabilisticEnsemble(
            self.task,
            settings.model_hidden,
            settings.members,
            settings.elites,
            settings.model_kinematics,
            settings.learned_reward,
            settings.model_activation,
            self.generator,
            settings.model_bounds_trainable,
        )
        return ProbabilisticFitter(model, settings, gaussian_nll, self.generator)

    def _mixed(self, replay: Replay) -> MixedSource:
        real, imagined = (
            TransitionSource(self.task, rows, self.settings, self.mirror, self.device)
            for rows in (replay, self.imagined.replay)
        )
        return MixedSource(real, imagined, self.settings.real_share)
