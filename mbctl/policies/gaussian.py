"""Gaussian policy with the derivatives that natural policy gradient needs, written out.

mean = W_n h_{n-1} + b_n,  h_i = tanh(W_i h_{i-1} + b_i),  h_0 = (o - shift) / scale;
log_std is one free vector. With one Jacobian-vector and one vector-Jacobian product by hand, no
step of the policy update builds an autograd graph.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mbctl.policies.network import PolicyNetwork
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


class GaussianPolicy(PolicyNetwork):
    """Diagonal Gaussian with a tanh network for the mean; actions are not squashed.

    Args:
        observation_dim, action_dim: O and A.
        hidden: widths of the hidden layers.
        initial_log_std, minimum_log_std: log_std starts at the first and never falls below the
            second.
        reflection, generator: see `PolicyNetwork`. The last layer starts at a hundredth of its
            usual size, so that the first policy is near zero everywhere.
    """

    KIND = "gaussian_mlp"
    ACTIVATION = "tanh"

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
        super().__init__((observation_dim, *hidden, action_dim), 1.0, reflection, generator)
        self.minimum_log_std = minimum_log_std
        with torch.no_grad():
            for parameter in self.ordered[-2:]:
                parameter.mul_(0.01)
        start = torch.full((action_dim,), initial_log_std, device=generator.device)
        self.log_std = nn.Parameter(start)
        self.ordered = (*self.ordered, self.log_std)
        self.requires_grad_(False)

    def activations(self, observation: Float[Tensor, "B O"]) -> Activations:
        """Run the mean network and keep what its derivatives need."""
        hidden, mean = self._forward(observation)
        return Activations(hidden, [1 - h.square() for h in hidden[1:]], mean)

    def mean(self, observation: Float[Tensor, "B O"]) -> Float[Tensor, "B A"]:
        return self._forward(observation)[1]

    def _forward(self, observation: Tensor) -> tuple[list[Tensor], Tensor]:
        h = (observation - self.input_shift) / self.input_scale
        hidden = [h]
        layers = len(self.ordered) // 2
        for layer in range(layers):
            weight, bias = self.ordered[2 * layer], self.ordered[2 * layer + 1]
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
                out.addmm_(change, self.ordered[2 * layer].T)
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
                cotangent = (cotangent @ self.ordered[2 * layer]).mul_(kept.slope[layer - 1])
        return gradients

    def step(self, direction: Parameters, size: float) -> None:
        """theta += size * direction, with log_std kept above its floor."""
        for parameter, change in zip(self.ordered, direction, strict=True):
            parameter.add_(change, alpha=size)
        self.log_std.clamp_(min=self.minimum_log_std)
