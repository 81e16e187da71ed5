"""Gaussian policy with the derivatives that natural policy gradient needs, written out.

mean = W_n h_{n-1} + b_n,  h_i = tanh(W_i h_{i-1} + b_i),  h_0 = (o - shift) / scale;
log_std is one free vector. With one Jacobian-vector and one vector-Jacobian product by hand, no
step of the policy update builds an autograd graph.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.tasks.reflection import Reflection

Parameters = list[Tensor]  # W_1, b_1, ..., W_n, b_n, log_std


@dataclass(frozen=True)
class Activations:
    """One pass through the mean network.

    Attributes:
        hidden: layer inputs h_0 ... h_{n-1}, each [B, width].
        slope: derivatives of tanh, 1 - h_i^2, for i = 1 ... n-1.
        mean: [B, A].
    """

    hidden: list[Tensor]
    slope: list[Tensor]
    mean: Tensor

    def rows(self, index: Tensor) -> "Activations":
        """Those of the rows `index` [N]."""
        return Activations(
            [h[index] for h in self.hidden], [s[index] for s in self.slope], self.mean[index]
        )


class GaussianPolicy:
    """Diagonal Gaussian with a tanh network for the mean; actions are not squashed.

    Args:
        observation_dim, action_dim: O and A.
        hidden: widths of the hidden layers.
        initial_log_std, minimum_log_std: log_std starts at the first and never falls below the
            second.
        reflection: act in the mirror image where it says so; None acts as observed. All methods
            below but `canonical` and `applied` work on canonical observations and actions.
        generator: source of the initial weights. The last layer starts at a hundredth of its
            usual size, so that the first policy is near zero everywhere.
    """

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        hidden: tuple[int, ...],
        initial_log_std: float,
        minimum_log_std: float,
        reflection: Reflection | None,
        generator: torch.Generator,
    ) -> None:
        self.reflection = reflection
        self.minimum_log_std = minimum_log_std
        self.input_shift = torch.zeros(observation_dim)
        self.input_scale = torch.ones(observation_dim)
        self.parameters: Parameters = []
        sizes = (observation_dim, *hidden, action_dim)
        for layer in range(len(sizes) - 1):
            bound = 1.0 / math.sqrt(sizes[layer])
            weight = (
                2 * torch.rand(sizes[layer + 1], sizes[layer], generator=generator) - 1
            ) * bound
            bias = (2 * torch.rand(sizes[layer + 1], generator=generator) - 1) * bound
            last = layer == len(sizes) - 2
            self.parameters += [weight * 0.01, bias * 0.01] if last else [weight, bias]
        self.parameters.append(torch.full((action_dim,), initial_log_std))

    @property
    def log_std(self) -> Tensor:
        return self.parameters[-1]

    def canonical(self, observation: Tensor) -> tuple[Tensor, Tensor | None]:
        """Observations as the network sees them, and which rows are mirrored (None: none ever)."""
        if self.reflection is None:
            return observation, None
        flipped = self.reflection.flipped(observation)
        return self.reflection.observation(observation, flipped), flipped

    def applied(self, action: Tensor, flipped: Tensor | None) -> Tensor:
        """Actions for the robot from actions in the network's view."""
        if self.reflection is None or flipped is None:
            return action
        return self.reflection.action(action, flipped)

    def activations(self, observation: Float[Tensor, "B O"]) -> Activations:
        """Run the mean network and keep what its derivatives need."""
        hidden, mean = self._forward(observation)
        return Activations(hidden, [1 - h.square() for h in hidden[1:]], mean)

    def mean(self, observation: Float[Tensor, "B O"]) -> Float[Tensor, "B A"]:
        return self._forward(observation)[1]

    def _forward(self, observation: Tensor) -> tuple[list[Tensor], Tensor]:
        h = (observation - self.input_shift) / self.input_scale
        hidden = [h]
        layers = len(self.parameters) // 2
        for layer in range(layers):
            weight, bias = self.parameters[2 * layer], self.parameters[2 * layer + 1]
            h = torch.addmm(bias, h, weight.T)
            if layer < layers - 1:
                h = torch.tanh(h)
                hidden.append(h)
        return hidden, h

    def jvp(self, kept: Activations, vector: Parameters) -> Float[Tensor, "B A"]:
        """Change of the mean when the parameters change by `vector`."""
        layers = len(kept.hidden)
        change: Tensor | None = None
        for layer in range(layers):
            h = kept.hidden[layer]
            out = torch.addmm(vector[2 * layer + 1], h, vector[2 * layer].T)
            if change is not None:
                out.addmm_(change, self.parameters[2 * layer].T)
            change = out if layer == layers - 1 else out.mul_(kept.slope[layer])
        assert change is not None
        return change

    def vjp(self, kept: Activations, cotangent: Float[Tensor, "B A"]) -> Parameters:
        """Gradient of sum(mean * cotangent) for each layer parameter; no entry for log_std."""
        gradients: Parameters = []
        for layer in reversed(range(len(kept.hidden))):
            h = kept.hidden[layer]
            gradients[:0] = [cotangent.T @ h, cotangent.sum(dim=0)]
            if layer > 0:
                cotangent = (cotangent @ self.parameters[2 * layer]).mul_(kept.slope[layer - 1])
        return gradients

    def step(self, direction: Parameters, size: float) -> None:
        """parameters += size * direction, with log_std kept above its floor."""
        for parameter, change in zip(self.parameters, direction, strict=True):
            parameter.add_(change, alpha=size)
        self.log_std.clamp_(min=self.minimum_log_std)
