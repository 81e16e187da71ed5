"""E multilayer perceptrons as one: every layer is a batched matrix product over members."""

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

Activation = Literal["relu", "silu"]


def _silu(total: Tensor) -> Tensor:
    """Its derivative needs the sum itself; where none is asked for, it is written over it."""
    return functional.silu(total, inplace=not torch.is_grad_enabled())


_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu_, "silu": _silu}


class EnsembleMLP(nn.Module):
    """E networks of the same shape with independent weights.

    Args:
        members: E.
        sizes: input, hidden ..., output widths.
        generator: source of the initial weights, so that members differ and seeds repeat; the
            network is on its device.
        layer_norm: normalise each hidden layer's sums over its units, before the activation.
        activation: of the hidden layers.
    """

    def __init__(
        self,
        members: int,
        sizes: tuple[int, ...],
        generator: torch.Generator,
        layer_norm: bool = False,
        activation: Activation = "relu",
    ) -> None:
        super().__init__()
        self.members = members
        self.activation: Activation = activation
        self._activate = _ACTIVATIONS[activation]
        weights, biases, device = [], [], generator.device
        for inputs, outputs in pairwise(sizes):
            bound = 1.0 / math.sqrt(inputs)
            weight = torch.rand((members, inputs, outputs), generator=generator, device=device)
            bias = torch.rand((members, 1, outputs), generator=generator, device=device)
            weights.append(nn.Parameter((2.0 * weight - 1.0) * bound))
            biases.append(nn.Parameter((2.0 * bias - 1.0) * bound))
        self.weights = nn.ParameterList(weights)
        self.biases = nn.ParameterList(biases)
        normed = sizes[1:-1] if layer_norm else ()
        shapes = [(members, 1, width) for width in normed]
        self.gains = nn.ParameterList([torch.ones(s, device=device) for s in shapes])
        self.offsets = nn.ParameterList([torch.zeros(s, device=device) for s in shapes])

    def forward(self, x: Float[Tensor, "E B I"]) -> Float[Tensor, "E B O"]:
        return self._through(x, self.weights, self.biases, self.gains, self.offsets)

    def frozen(
        self, x: Float[Tensor, "K B I"], members: Int[Tensor, "K"]
    ) -> Float[Tensor, "K B O"]:
        """Rows through K different members, differentiable by the rows alone.

        Where K is all there are, they are taken in their own order.
        """
        whole = len(members) == self.members

        def of(parameters: nn.ParameterList) -> list[Tensor]:
            return [p.detach() if whole else p.detach()[members] for p in parameters]

        return self._through(x, of(self.weights), of(self.biases), of(self.gains), of(self.offsets))

    def _through(
        self,
        x: Tensor,
        weights: Iterable[Tensor],
        biases: Iterable[Tensor],
        gains: Iterable[Tensor],
        offsets: Iterable[Tensor],
    ) -> Tensor:
        last = len(self.weights) - 1
        norms = zip(gains, offsets, strict=True)
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            if layer < last:
                x = self._activate(_normalised(x, next(norms, None)))
        return x


def _normalised(x: Tensor, norm: tuple[Tensor, Tensor] | None) -> Tensor:
    if norm is None:
        return x
    gain, offset = norm
    return torch.addcmul(offset, functional.layer_norm(x, x.shape[-1:]), gain)
