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

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mbctl.nn.device import randn_like
from mbctl.nn.ensemble_mlp import EnsembleMLP
from mbctl.nn.units import Renewal, UnitChange, follow_units, take_units


class SampledGaussian(nn.Module):
    """I inputs to T targets.

    Args:
        inputs, targets: I and T.
        hidden: widths of the hidden layers, ReLU.
        generator: source of the initial weights, on the device where the network is to be.

    Attributes:
        input_shift, input_scale: [I] of what the network sees.
        target_shift, target_scale: [T] of what it gives.
    """

    def __init__(
        self, inputs: int, targets: int, hidden: tuple[int, ...], generator: torch.Generator
    ) -> None:
        super().__init__()
        self.targets, device = targets, generator.device
        self.network = EnsembleMLP(1, (inputs, *hidden, 2 * targets), generator)
        self.input_shift: Tensor = nn.Buffer(torch.zeros(inputs, device=device))
        self.input_scale: Tensor = nn.Buffer(torch.ones(inputs, device=device))
        self.target_shift: Tensor = nn.Buffer(torch.zeros(targets, device=device))
        self.target_scale: Tensor = nn.Buffer(torch.ones(targets, device=device))

    def unit_heads(
        self, inputs: Float[Tensor, "B I"]
    ) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"]]:
        """Mean and deviation in unit size, differentiable by the weights."""
        heads = self.network(((inputs - self.input_shift) / self.input_scale)[None])[0]
        return heads[:, : self.targets], heads[:, self.targets :]

    def unit_targets(self, targets: Float[Tensor, "B T"]) -> Float[Tensor, "B T"]:
        """Targets in unit size."""
        return (targets - self.target_shift) / self.target_scale

    def sample(
        self, inputs: Float[Tensor, "B I"], generator: torch.Generator
    ) -> Float[Tensor, "B T"]:
        """mu + sigma zeta, differentiable by the inputs alone: no gradient is spent on weights."""
        self.network.requires_grad_(False)
        try:
            mean, deviation = self.unit_heads(inputs)
        finally:
            self.network.requires_grad_(True)
        drawn = torch.addcmul(mean, deviation, randn_like(mean, generator))
        return torch.addcmul(self.target_shift, self.target_scale, drawn)

    @torch.no_grad()
    def mean(self, inputs: Float[Tensor, "B I"]) -> Float[Tensor, "B T"]:
        """mu."""
        mean, _ = self.unit_heads(inputs)
        return self.target_shift + self.target_scale * mean

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
        seen = take_units((self.input_shift, self.input_scale), inputs)
        mean = take_units((self.target_shift, self.target_scale), targets)
        if keep:
            both = UnitChange(
                mean.growth.repeat(2), torch.cat([mean.moved, torch.zeros_like(mean.moved)])
            )
            follow_units(self.network, seen, both, renewal)
