"""A network with a mean and a deviation head, whose output is sampled: mu(x) + sigma(x) zeta.

Tan, Qu, Xiong, Zhang 2020, Model Embedding Model-Based Reinforcement Learning, section 3.1; they
have one for the dynamics and one for the reward (`sampled_model.py`), fitted by eq. 4
(`losses/memb.py`).

Deviations from the paper, with reason:
    * Inputs and targets are shifted and scaled to unit size: an error in raw units would belong to
      the velocities, which are ten to a hundred times larger than positions.
    * The head of sigma is linear and may be negative: zeta is symmetric, so the sign is immaterial,
      and an error that is least at sigma = 0 gets there without a logarithm running off.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.nn.ensemble_mlp import EnsembleMLP
from mbctl.nn.units import Renewal, UnitChange, follow_units, scale_of


@dataclass(frozen=True)
class Units:
    """Shift and scale of inputs [I] and targets [T]; changed in place."""

    input_shift: Tensor
    input_scale: Tensor
    target_shift: Tensor
    target_scale: Tensor


class SampledGaussian:
    """I inputs to T targets.

    Args:
        inputs, targets: I and T.
        hidden: widths of the hidden layers, ReLU.
        generator: source of the initial weights.
    """

    def __init__(
        self, inputs: int, targets: int, hidden: tuple[int, ...], generator: torch.Generator
    ) -> None:
        self.targets = targets
        self.network = EnsembleMLP(1, (inputs, *hidden, 2 * targets), generator)
        self.units = Units(
            torch.zeros(inputs), torch.ones(inputs), torch.zeros(targets), torch.ones(targets)
        )

    def unit_heads(
        self, inputs: Float[Tensor, "B I"]
    ) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"]]:
        """Mean and deviation in unit size, differentiable by the weights."""
        units = self.units
        heads = self.network(((inputs - units.input_shift) / units.input_scale)[None])[0]
        return heads[:, : self.targets], heads[:, self.targets :]

    def unit_targets(self, targets: Float[Tensor, "B T"]) -> Float[Tensor, "B T"]:
        """Targets in unit size."""
        return (targets - self.units.target_shift) / self.units.target_scale

    def sample(
        self, inputs: Float[Tensor, "B I"], generator: torch.Generator
    ) -> Float[Tensor, "B T"]:
        """mu + sigma zeta, differentiable by the inputs alone: no gradient is spent on weights."""
        self.network.requires_grad_(False)
        try:
            mean, deviation = self.unit_heads(inputs)
        finally:
            self.network.requires_grad_(True)
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
        drawn = torch.addcmul(mean, deviation, noise)
        return torch.addcmul(self.units.target_shift, self.units.target_scale, drawn)

    @torch.no_grad()
    def mean(self, inputs: Float[Tensor, "B I"]) -> Float[Tensor, "B T"]:
        """mu."""
        mean, _ = self.unit_heads(inputs)
        return self.units.target_shift + self.units.target_scale * mean

    @torch.no_grad()
    def set_units(
        self,
        inputs: Float[Tensor, "N I"],
        targets: Float[Tensor, "N T"],
        keep: bool,
        renewal: Renewal | None = None,
    ) -> None:
        """Take shift and scale from data.

        Args:
            keep: change first and last layer with them, so that the function stays what it was.
                Untrained weights are in unit size already, and are not to be kept.
            renewal: begins anew with what units that changed much leave without meaning; None
                keeps the function whatever they do.
        """
        old = self.units
        new = Units(
            inputs.mean(dim=0),
            scale_of(inputs, old.input_scale),
            targets.mean(dim=0),
            scale_of(targets, old.target_scale),
        )
        if keep:
            self._move_to(new, renewal)
        for held, value in zip(vars(self.units).values(), vars(new).values(), strict=True):
            held.copy_(value)

    def _move_to(self, new: Units, renewal: Renewal | None) -> None:
        old = self.units
        seen = UnitChange.between(
            (old.input_shift, old.input_scale), (new.input_shift, new.input_scale)
        )
        mean = UnitChange.between(
            (old.target_shift, old.target_scale), (new.target_shift, new.target_scale)
        )
        both = UnitChange(
            mean.growth.repeat(2), torch.cat([mean.moved, torch.zeros_like(mean.moved)])
        )
        follow_units(self.network, seen, both, renewal)
