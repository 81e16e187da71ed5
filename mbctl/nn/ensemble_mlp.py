"""E multilayer perceptrons as one: every layer is a batched matrix product over members."""

import math
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class EnsembleMLP(nn.Module):
    """E ReLU networks of the same shape with independent weights.

    Args:
        members: E.
        sizes: input, hidden ..., output widths.
        generator: source of the initial weights, so that members differ and seeds repeat.
        layer_norm: normalise each hidden layer's sums over its units, before the ReLU.
    """

    def __init__(
        self,
        members: int,
        sizes: tuple[int, ...],
        generator: torch.Generator,
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        self.members = members
        weights, biases = [], []
        for inputs, outputs in pairwise(sizes):
            bound = 1.0 / math.sqrt(inputs)
            weight = torch.rand((members, inputs, outputs), generator=generator)
            bias = torch.rand((members, 1, outputs), generator=generator)
            weights.append(nn.Parameter((2.0 * weight - 1.0) * bound))
            biases.append(nn.Parameter((2.0 * bias - 1.0) * bound))
        self.weights = nn.ParameterList(weights)
        self.biases = nn.ParameterList(biases)
        normed = sizes[1:-1] if layer_norm else ()
        self.gains = nn.ParameterList([torch.ones(members, 1, width) for width in normed])
        self.offsets = nn.ParameterList([torch.zeros(members, 1, width) for width in normed])

    def forward(self, x: Float[Tensor, "E B I"]) -> Float[Tensor, "E B O"]:
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            if layer < last:
                x = torch.relu_(self._normalised(x, layer))
        return x

    def _normalised(self, x: Tensor, layer: int) -> Tensor:
        if len(self.gains) == 0:
            return x
        standard = functional.layer_norm(x, x.shape[-1:])
        return torch.addcmul(self.offsets[layer], standard, self.gains[layer])
