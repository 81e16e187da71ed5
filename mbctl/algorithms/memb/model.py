"""The model player of MEMB: dynamics and reward nets, fitted to real rows by eq. 4.

Tan, Qu, Xiong, Zhang 2020, Model Embedding Model-Based Reinforcement Learning, section 3.1 and
step 1 of Algorithm 1.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import Parameter

from mbctl.algorithms.algorithm import REPORT_EVERY, Metrics
from mbctl.algorithms.memb.settings import MembSettings
from mbctl.algorithms.model_data import replay_rows
from mbctl.algorithms.model_error import moving_columns, relative_error
from mbctl.algorithms.sac.transitions import TransitionSource
from mbctl.data.replay import Replay
from mbctl.losses.memb import sampled_error
from mbctl.models.analytic import AnalyticDynamics, AnalyticModel
from mbctl.models.sampled_gaussian import SampledGaussian
from mbctl.models.sampled_model import SampledDynamics, SampledReward
from mbctl.nn.device import randn_like
from mbctl.nn.units import Renewal
from mbctl.tasks.reflection import Reflection
from mbctl.tasks.task import Task

GROWTH = 1.1  # of the replay, before units are taken from it anew


class EmbeddedModel:
    """Dynamics and reward as the policy's gradient runs through them.

    Args:
        task: gives the dynamics' inputs; with `true_model` the dynamics themselves.
        settings: hyper-parameters.
        reflection: the policy's; the model is asked in the policy's view and fitted in it.
        generator: source of the initial weights.

    Attributes:
        dynamics: learned, or the task's own.
        reward: learned, or None where the task's own is used.

    Raises:
        ValueError: `true_model` is asked for, and the task has no dynamics in closed form.
    """

    def __init__(
        self,
        task: Task,
        settings: MembSettings,
        reflection: Reflection | None,
        generator: torch.Generator,
    ) -> None:
        self.task = task
        self.settings = settings
        self.device = generator.device
        self.reflection = reflection
        self.dynamics = _dynamics(task, settings, generator)
        self.reward: SampledReward | None = None
        if settings.learned_reward:
            self.reward = SampledReward(
                len(task.observation_names),
                len(task.robot.joints),
                settings.model_hidden,
                generator,
            )
        parameters: list[Parameter] = []
        for net in self.nets().values():
            parameters += list(net.network.parameters())
        self.optimizer: torch.optim.Optimizer | None = None
        if parameters:
            self.optimizer = torch.optim.Adam(
                parameters, lr=settings.model_learning_rate, fused=True
            )
        self.rows_in_units = 0  # rows that there were when units were taken from them

    def nets(self) -> dict[str, SampledGaussian]:
        """What is learned, by name."""
        nets: dict[str, SampledGaussian] = {}
        if isinstance(self.dynamics, SampledDynamics):
            nets["dynamics"] = self.dynamics.gaussian
        if self.reward is not None:
            nets["reward"] = self.reward.gaussian
        return nets

    def samples(self, steps: int) -> int:
        """Real rows that `steps` gradient steps draw."""
        return steps * self.settings.batch * len(self.nets())

    def fit(
        self,
        replay: Replay,
        source: TransitionSource,
        steps: int,
        generator: torch.Generator,
        report: Callable[[int, Metrics], None],
    ) -> Metrics:
        """`steps` gradient steps on both nets; gives the numbers of the last one.

        Args:
            source: transitions as the policy sees them, for the reward.
            report: told (step, numbers) now and then; may raise to stop.
        """
        if self.optimizer is None:
            return {}
        self._follow_units(replay, source, generator)
        losses: dict[str, Tensor] = {}
        for step in range(steps):
            if step % REPORT_EVERY == 0:
                report(step, _numbers(losses))
            losses = self._losses(replay, source, generator)
            self.optimizer.zero_grad(set_to_none=True)
            torch.stack(list(losses.values())).sum().backward()
            self.optimizer.step()
        return _numbers(losses)

    @torch.no_grad()
    def one_step_error(self, replay: Replay, unseen: int) -> Metrics:
        """As `model_errors` has it, of the mean, on the newest rows."""
        unseen = min(unseen, len(replay))
        if unseen < 2 or not isinstance(self.dynamics, SampledDynamics):
            return {}
        rows = replay_rows(replay, self.device, unseen)
        inputs, difference = self.dynamics_data(rows, replay, symmetry=0)
        error = self.dynamics.gaussian.mean(inputs) - difference
        unit = self.dynamics.gaussian.target_scale
        moves = moving_columns(difference, unit if self.rows_in_units else None)
        if not bool(moves.any()):
            return {}
        return {"model_error_one_step": relative_error(error, difference, moves)}

    def dynamics_data(self, rows: Tensor, replay: Replay, symmetry: int) -> tuple[Tensor, Tensor]:
        """Inputs [B, I] and differences [B, P] of rows, in the policy's view."""
        task, layout = self.task, replay.layout
        before, after = rows[:, layout.observation], rows[:, layout.next_observation]
        action = rows[:, layout.action]
        if self.reflection is not None:
            flipped = self.reflection.flipped(before)
            before, after = (self.reflection.observation(x, flipped) for x in (before, after))
            action = self.reflection.action(action, flipped)
        start, turned = task.transform(task.physical(before), action, symmetry)
        end, _ = task.transform(task.physical(after), action, symmetry)
        inputs = task.dynamics_inputs(start, turned, self.settings.model_kinematics)
        return inputs, task.physical_difference(end, start)

    def _losses(
        self, replay: Replay, source: TransitionSource, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Eq. 4 for each net on a mini-batch of its own."""
        batch, losses = self.settings.batch, dict[str, Tensor]()
        if isinstance(self.dynamics, SampledDynamics):
            drawn = self._integers(len(replay), batch, generator)
            rows = source.rows[drawn]
            image = int(self._integers(self._images, 1, generator))
            data = self.dynamics_data(rows, replay, image)
            losses["model_loss"] = _error(self.dynamics.gaussian, *data, generator)
        if self.reward is not None:
            data = self._reward_data(source, batch, generator)
            losses["reward_loss"] = _error(self.reward.gaussian, *data, generator)
        return losses

    def _integers(self, below: int, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(below, (count,), generator=generator, device=self.device)

    @property
    def _images(self) -> int:
        return self.task.symmetries if self.settings.symmetry else 1

    def _reward_data(
        self, source: TransitionSource, count: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        assert self.reward is not None
        drawn = source.draw(count, generator)
        return self.reward.inputs(drawn.observation, drawn.action), drawn.reward[:, None]

    def _follow_units(
        self, replay: Replay, source: TransitionSource, generator: torch.Generator
    ) -> None:
        """Take units from all rows, at first and whenever there are a tenth more of them."""
        if replay.total < GROWTH * self.rows_in_units:
            return
        keep = self.rows_in_units > 0
        self.rows_in_units = replay.total
        assert self.optimizer is not None
        renewal = Renewal(self.optimizer, generator)
        if isinstance(self.dynamics, SampledDynamics):
            rows, images = source.rows, self._images
            parts = [self.dynamics_data(rows[i::images], replay, i) for i in range(images)]
            inputs, targets = (torch.cat(columns) for columns in zip(*parts, strict=True))
            self.dynamics.gaussian.set_units(inputs, targets, keep, renewal)
        if self.reward is not None:
            inputs, targets = self._reward_data(source, len(replay), generator)
            self.reward.gaussian.set_units(inputs, targets, keep, renewal)


def _dynamics(
    task: Task, settings: MembSettings, generator: torch.Generator
) -> SampledDynamics | AnalyticModel:
    if not settings.true_model:
        return SampledDynamics(task, settings.model_hidden, settings.model_kinematics, generator)
    if not isinstance(task, AnalyticDynamics):
        raise ValueError(
            f"true_model asks for the dynamics of {task.name} in closed form, which it has not; "
            "set true_model = false to learn them"
        )
    return AnalyticModel(task)


def _error(
    net: SampledGaussian, inputs: Tensor, targets: Tensor, generator: torch.Generator
) -> Tensor:
    mean, deviation = net.unit_heads(inputs)
    noise = randn_like(mean, generator)
    return sampled_error(mean, deviation, noise, net.unit_targets(targets))


def _numbers(losses: dict[str, Tensor]) -> Metrics:
    return {name: float(loss.detach()) for name, loss in losses.items()}
