"""The probabilistic dynamics ensemble of MBPO, MAAC and DDPPO (Janner et al. 2019, section 5.1).

    p_i(s', r | s, a) = N(mu_i(s, a), diag sigma_i(s, a)^2),   i = 1 .. E

Here s is the physical part of the observation; mu gives its change, with angles the short way
round, and, where it is learned, the reward. Each member is one network with two heads.

Deviations from the paper, with reason:
    * Targets are standardised, not raw: one likelihood over columns of different size belongs to
      the largest of them, and the reward may be such a column.
    * Inputs are the task's features, which hold angles as periodic features.
    * First weights are uniform within 1 / sqrt(inputs), as all networks here, in place of the
      authors' truncated normal of about the same size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from mbctl.nn.device import randn_like
from mbctl.nn.ensemble_mlp import Activation, EnsembleMLP
from mbctl.nn.units import Renewal, UnitChange, follow_units, last_layer, take_units
from mbctl.tasks.task import Task, dynamics_input_width

MAX_LOG_VARIANCE, MIN_LOG_VARIANCE = 0.5, -10.0  # of standardised targets, before any fit


@dataclass(frozen=True)
class Prediction:
    """What each member predicts, in physical units.

    Attributes:
        mean_next: [E, B, P] mean of the next physical state.
        std: [E, B, P] its standard deviation.
        reward: [E, B] mean of the reward; None where it is not learned.
        reward_std: [E, B] its standard deviation; None likewise.
    """

    mean_next: Float[Tensor, "E B P"]
    std: Float[Tensor, "E B P"]
    reward: Float[Tensor, "E B"] | None
    reward_std: Float[Tensor, "E B"] | None


@dataclass(frozen=True)
class Step:
    """One drawn step: next physical state [B, P]; reward [B], None where it is not learned."""

    next_physical: Float[Tensor, "B P"]
    reward: Float[Tensor, "B"] | None


class ProbabilisticEnsemble(nn.Module):
    """E networks that predict mean and deviation of the next physical state.

    Args:
        task: names the physical part, its features and its differences.
        hidden: widths of the hidden layers.
        members: E.
        elites: how many of them draw steps; the best on held-out rows, once fitted.
        kinematic: give the network what the robot's known geometry tells.
        learned_reward: predict the reward as well, from state and action.
        activation: of the hidden layers.
        generator: source of the initial weights, on the device where the model is to be.
        trainable_bounds: whether the bounds of the log-variance are learned.

    Attributes:
        elite_members: [K] numbers of the members that draw steps.
        input_shift, input_scale: [I] of what the networks see.
        target_shift, target_scale: [D] of P differences and, if learned, a reward.
        fitted: [1] whether it was.
        max_log_variance, min_log_variance: [D] soft bounds, for standardised targets.

    Raises:
        ValueError: there are more elites than members, or the reward is to be learned on a task
            whose reward depends on a goal, which the model does not see.
    """

    def __init__(
        self,
        task: Task,
        hidden: tuple[int, ...],
        members: int,
        elites: int,
        kinematic: bool,
        learned_reward: bool,
        activation: Activation,
        generator: torch.Generator,
        trainable_bounds: bool = True,
    ) -> None:
        if not 1 <= elites <= members:
            raise ValueError(f"{elites} elites of {members} members, must be 1 to {members}")
        if learned_reward and task.goal_names:
            raise ValueError(
                f"the reward of {task.name!r} depends on its goal ({', '.join(task.goal_names)}), "
                "which a dynamics model does not see; use the task's own reward"
            )
        super().__init__()
        self.task = task
        self.kinematic = kinematic
        self.learned_reward = learned_reward
        self.members = members
        self.physical_dim = len(task.physical_names)
        self.target_dim = self.physical_dim + int(learned_reward)
        targets, device = self.target_dim, generator.device
        inputs = dynamics_input_width(task, kinematic)
        sizes = (inputs, *hidden, 2 * targets)
        self.network = EnsembleMLP(members, sizes, generator, activation=activation)
        high = torch.full((targets,), MAX_LOG_VARIANCE, device=device)
        low = torch.full((targets,), MIN_LOG_VARIANCE, device=device)
        self.max_log_variance = nn.Parameter(high, requires_grad=trainable_bounds)
        self.min_log_variance = nn.Parameter(low, requires_grad=trainable_bounds)
        self.bounds = [self.max_log_variance, self.min_log_variance] if trainable_bounds else []
        self.input_shift: Tensor = nn.Buffer(torch.zeros(inputs, device=device))
        self.input_scale: Tensor = nn.Buffer(torch.ones(inputs, device=device))
        self.target_shift: Tensor = nn.Buffer(torch.zeros(targets, device=device))
        self.target_scale: Tensor = nn.Buffer(torch.ones(targets, device=device))
        self.elite_members: Tensor = nn.Buffer(torch.arange(elites, device=device))
        self.fitted: Tensor = nn.Buffer(torch.zeros(1, dtype=torch.bool, device=device))

    @property
    def elites(self) -> tuple[int, ...]:
        """Numbers of the members that draw steps."""
        return tuple(self.elite_members.tolist())

    @elites.setter
    def elites(self, members: Sequence[int]) -> None:
        self.elite_members = torch.tensor(members, device=self.elite_members.device)

    def inputs(self, physical: Tensor, action: Tensor) -> Tensor:
        """Raw network inputs [..., I]."""
        return self.task.dynamics_inputs(physical, action, self.kinematic)

    @property
    def difference_scale(self) -> Float[Tensor, "P"]:
        """By how much physical columns are known to change in a step."""
        return self.target_scale[: self.physical_dim]

    @torch.no_grad()
    def fit_statistics(
        self,
        physical: Float[Tensor, "N P"],
        action: Float[Tensor, "N A"],
        difference: Float[Tensor, "N P"],
        reward: Float[Tensor, "N"] | None,
        renewal: Renewal | None = None,
    ) -> None:
        """Set shift and scale from the data that the next fit uses.

        The first and last layers and the bounds are changed with them, so that the function stays
        what it was: a warm-started network is not thrown off by its own new units.

        Args:
            renewal: begins anew with what units that changed much leave without meaning, the
                bounds among it; None keeps the function whatever they do.
        """
        inputs = self.inputs(physical, action)
        targets = raw_targets(difference, reward, self.learned_reward)
        seen = take_units((self.input_shift, self.input_scale), inputs)
        told = take_units((self.target_shift, self.target_scale), targets)
        if self.fitted:  # untrained weights are in normalised units already
            follow_units(self.network, seen, told, renewal)
            self._follow_deviation(told, renewal)
        self.fitted.fill_(True)

    def _follow_deviation(self, told: UnitChange, renewal: Renewal | None) -> None:
        """Bring the log-variances and their bounds into new units of the targets."""
        wider = -2.0 * torch.log(told.growth)
        weight, bias = last_layer(self.network)
        bias[..., self.target_dim :] += wider
        high, low = self.max_log_variance, self.min_log_variance
        if renewal is None:
            high += wider
            low += wider
            return
        # They bound a share of what a column does: its unit must not take them along for good.
        high.copy_(torch.maximum(high, (high + wider).clamp(max=MAX_LOG_VARIANCE)))
        low.copy_(torch.minimum(low, (low + wider).clamp(min=MIN_LOG_VARIANCE)))
        anew = told.large | told.lost
        high[anew], low[anew] = MAX_LOG_VARIANCE, MIN_LOG_VARIANCE
        columns = torch.cat([torch.zeros_like(anew), anew])
        weight[..., columns] = 0.0
        bias[..., columns] = 0.0
        for parameter in (weight, bias):
            renewal.forget(parameter, columns)
        for bound in self.bounds:
            renewal.forget(bound, anew)

    @torch.no_grad()
    def restart_deviation(
        self, chosen: Bool[Tensor, "E D"], variance: Float[Tensor, "E D"]
    ) -> None:
        """Let `chosen` members' columns have this variance everywhere, in standard units."""
        weight, bias = (part[..., self.target_dim :] for part in last_layer(self.network))
        weight.masked_fill_(chosen[:, None], 0.0)
        bias.copy_(torch.where(chosen[:, None], variance.log()[:, None], bias))
        anew = chosen.any(dim=0)
        self.max_log_variance[anew] = MAX_LOG_VARIANCE

    def normalise(self, inputs: Tensor) -> Tensor:
        return (inputs - self.input_shift) / self.input_scale

    def standard_targets(self, difference: Tensor, reward: Tensor | None) -> Tensor:
        """Standardised targets [..., D] of differences [..., P] and rewards [...]."""
        targets = raw_targets(difference, reward, self.learned_reward)
        return (targets - self.target_shift) / self.target_scale

    def standard(self, inputs: Float[Tensor, "E B I"]) -> tuple[Tensor, Tensor]:
        """Mean and bounded log-variance [E, B, D] of standardised targets, from normalised inputs.

        Differentiable by weights, bounds and inputs.
        """
        mean, raw = self.network(inputs).chunk(2, dim=-1)
        return mean, soft_clamp(raw, self.min_log_variance, self.max_log_variance)

    def forward(
        self, physical: Float[Tensor, "E B P"], action: Float[Tensor, "E B A"]
    ) -> Prediction:
        """What each member predicts of its own rows, differentiable by all that goes in."""
        mean, log_variance = self.standard(self.normalise(self.inputs(physical, action)))
        mean, std = self._in_units(mean, log_variance)
        reward = (mean[..., -1], std[..., -1]) if self.learned_reward else (None, None)
        size = self.physical_dim
        return Prediction(physical + mean[..., :size], std[..., :size], *reward)

    @torch.no_grad()
    def predict(
        self, physical: Float[Tensor, "E B P"], action: Float[Tensor, "E B A"]
    ) -> Float[Tensor, "E B P"]:
        """Mean next physical state, each member on its own rows."""
        return self.forward(physical, action).mean_next

    @torch.no_grad()
    def sample(
        self,
        physical: Float[Tensor, "B P"],
        action: Float[Tensor, "B A"],
        generator: torch.Generator,
        *,
        noise: bool = True,
    ) -> Step:
        """One step of an elite chosen anew for each row; `noise` False gives its mean."""
        return self.sample_differentiable(physical, action, generator, noise=noise)

    def sample_differentiable(
        self,
        physical: Float[Tensor, "B P"],
        action: Float[Tensor, "B A"],
        generator: torch.Generator,
        *,
        noise: bool = True,
    ) -> Step:
        """As `sample`, differentiable by state and action (reparameterised); weights are frozen."""
        heads = self._by_elites(self.normalise(self.inputs(physical, action)), generator)
        raw_mean, raw = heads.chunk(2, dim=-1)
        low, high = self.min_log_variance.detach(), self.max_log_variance.detach()
        drawn, std = self._in_units(raw_mean, soft_clamp(raw, low, high))
        if noise:
            drawn = drawn + std * randn_like(std, generator)
        reward = drawn[..., -1] if self.learned_reward else None
        return Step(physical + drawn[..., : self.physical_dim], reward)

    def _in_units(self, mean: Tensor, log_variance: Tensor) -> tuple[Tensor, Tensor]:
        scale = self.target_scale
        return mean * scale + self.target_shift, torch.exp(0.5 * log_variance) * scale

    def _by_elites(self, inputs: Float[Tensor, "B I"], generator: torch.Generator) -> Tensor:
        """Heads [B, 2 D] of one elite per row, each as likely as another.

        Rows are dealt to random places of K equal groups; places that stay empty hold row 0.
        """
        count, groups, device = len(inputs), len(self.elite_members), inputs.device
        size = -(-count // groups)
        places = torch.randperm(groups * size, generator=generator, device=device)[:count]
        rows = torch.zeros(groups * size, dtype=torch.long, device=device)
        rows[places] = torch.arange(count, device=device)
        dealt = inputs[rows].reshape(groups, size, inputs.shape[-1])
        return self.network.frozen(dealt, self.elite_members).flatten(0, 1)[places]


def raw_targets(difference: Tensor, reward: Tensor | None, learned_reward: bool) -> Tensor:
    """Targets [..., D] in physical units.

    Raises:
        ValueError: the reward is to be learned and was not given.
    """
    if not learned_reward:
        return difference
    if reward is None:
        raise ValueError("this model learns the reward; its data must hold rewards")
    return torch.cat([difference, reward[..., None]], dim=-1)


def soft_clamp(value: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Between `low` and `high` with a derivative everywhere; Chua et al. 2018, appendix A.1."""
    value = high - functional.softplus(high - value)
    return low + functional.softplus(value - low)
