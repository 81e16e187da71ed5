"""D_model of MBPO: what the policy does in the model, branched off real states, kept for a while.

Janner et al. 2019, Algorithm 2, lines 6-8. All rollouts that the steps between two refits are due
are made at once, right after the model has been fitted, as in the authors' code.
"""

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import torch
from torch import Tensor

from mbctl.algorithms.branched.settings import BranchedSettings
from mbctl.algorithms.model_data import draw_starts
from mbctl.algorithms.sac.transitions import Transitions, TransitionSource
from mbctl.data.layout import RowLayout
from mbctl.data.replay import Replay
from mbctl.models.branched_rollouts import branch, thresholded_linear
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.policies.squashed import SquashedGaussianPolicy
from mbctl.tasks.task import Task

Schedule = tuple[int, int, float, float]


def requests_of(
    policy: SquashedGaussianPolicy, generator: torch.Generator
) -> Callable[[Tensor], Tensor]:
    """The policy with its noise: observations [B, O] to requests [B, A], in the robot's view."""

    def act(observation: Tensor) -> Tensor:
        canonical, flipped = policy.canonical(observation)
        action, _ = policy.sample(canonical, generator)
        return policy.applied(action, flipped)

    return act


class ImaginedReplay:
    """Imagined rows of the last few refits.

    Attributes:
        replay: the rows, in the layout of real ones.
    """

    def __init__(self, task: Task, settings: BranchedSettings) -> None:
        self.task = task
        self.settings = settings
        self.replay = self._empty()

    def horizon(self, rows: int) -> int:
        """k, the steps of a rollout when `rows` real rows have ever come."""
        first, last, begin, end = self.settings.horizon_schedule
        epoch = rows / self.settings.epoch_rows
        return int(thresholded_linear(epoch, begin, end, float(first), float(last)))

    def extend(
        self,
        model: ProbabilisticEnsemble,
        policy: SquashedGaussianPolicy,
        real: Replay,
        generator: torch.Generator,
    ) -> int:
        """Branch off the rows of `real`; rows of refits too long ago are dropped.

        Returns:
            Rows that were imagined.
        """
        settings, horizon = self.settings, self.horizon(real.total)
        seed = torch.randint(2**62, (1,), generator=generator, device=generator.device)
        rng = np.random.default_rng(int(seed))
        rows = branch(
            self.task,
            model,
            requests_of(policy, generator),
            draw_starts(self.task, real, settings, generator, rng),
            horizon,
            learned_reward=settings.learned_reward,
            generator=generator,
        )
        self.replay.capacity = settings.rollouts * horizon * settings.retained_refits
        self.replay.append(rows, np.zeros(len(rows), dtype=np.int64))
        return len(rows)

    def restore(self, rows: Tensor) -> None:
        """Hold these rows [N, width], as a checkpoint has them, and no others."""
        self.replay = self._empty()
        self.replay.append(rows.numpy(), np.zeros(len(rows), dtype=np.int64))

    def _empty(self) -> Replay:
        return Replay(RowLayout(self.task.observation_names, self.task.robot.joint_names), None)


class MixedSource:
    """Draws a fixed share of every mini-batch from one source, the rest from another.

    Args:
        real, imagined: the sources.
        real_share: of each batch, rounded to whole rows.
    """

    def __init__(
        self, real: TransitionSource, imagined: TransitionSource, real_share: float
    ) -> None:
        self._real = real
        self._imagined = imagined
        self._real_share = real_share

    def real_rows(self, count: int) -> int:
        """How many of `count` rows are real."""
        return round(self._real_share * count)

    def draw(self, count: int, generator: torch.Generator) -> Transitions:
        """`count` transitions, the real ones first."""
        real = self.real_rows(count)
        if real == count:
            return self._real.draw(count, generator)
        if real == 0:
            return self._imagined.draw(count, generator)
        first = self._real.draw(real, generator)
        rest = self._imagined.draw(count - real, generator)

        pairs = ((getattr(first, f.name), getattr(rest, f.name)) for f in fields(Transitions))
        return Transitions(*(torch.cat(pair) for pair in pairs))
