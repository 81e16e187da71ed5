"""Units of a network's inputs and outputs, and what becomes of its weights when they change.

A network sees (x - shift) / scale and gives (y - shift) / scale. Shift and scale follow the data
while the weights are kept, so the first and the last layer are changed with them: the function
stays what it was, and so does all that it knows. Not everything in it is knowledge, though:

    * Where a column hardly moved, its weights are as they were drawn, for no row ever told. In a
      unit r times larger they would be r times as steep, and drown all other columns. So an
      input's weights grow by `LIMIT` at most.
    * What was a small error in a large unit is r times larger in a unit that is r times smaller.
      So an output whose unit shrinks beyond `LIMIT` is drawn anew.
    * Adam's moments are those of gradients in the old unit.

E members, I inputs, O outputs.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from mbctl.nn.ensemble_mlp import EnsembleMLP

ROUNDING = 1e-6  # of a column's size, at least of 1: what varies less stands still
LIMIT = 1.5  # by how much a scale may change before what was learned in it is in doubt
FAR = 3.0  # new scales by which an output's shift may move before it is


@dataclass(frozen=True)
class UnitChange:
    """From the old units of N columns to new ones.

    Attributes:
        growth: [N] new scale over old scale.
        moved: [N] by how many old scales the shift has moved.
    """

    growth: Float[Tensor, "N"]
    moved: Float[Tensor, "N"]

    @classmethod
    def between(cls, old: tuple[Tensor, Tensor], new: tuple[Tensor, Tensor]) -> "UnitChange":
        """From (shift, scale) to (shift, scale)."""
        return cls(new[1] / old[1], (new[0] - old[0]) / old[1])

    @property
    def large(self) -> Bool[Tensor, "N"]:
        """Whose scale has changed beyond the limit."""
        return (self.growth > LIMIT) | self.shrunk

    @property
    def shrunk(self) -> Bool[Tensor, "N"]:
        return self.growth < 1.0 / LIMIT

    @property
    def lost(self) -> Bool[Tensor, "N"]:
        """Outputs of which the old function says nothing in the new unit."""
        return self.shrunk | ((self.moved / self.growth).abs() > FAR)


def stands_still(values: Float[Tensor, "N D"]) -> Bool[Tensor, "D"]:
    """Columns that vary by no more than rounding."""
    size = values.abs().amax(dim=0).clamp(min=1.0)
    return values.std(dim=0, correction=0) <= ROUNDING * size


def scale_of(values: Float[Tensor, "N D"], held: Float[Tensor, "D"]) -> Float[Tensor, "D"]:
    """Each column's standard deviation; one that stands still keeps the scale `held`."""
    return torch.where(stands_still(values), held, values.std(dim=0, correction=0))


@torch.no_grad()
def take_units(
    units: tuple[Float[Tensor, "D"], Float[Tensor, "D"]], values: Float[Tensor, "N D"]
) -> UnitChange:
    """Set (shift, scale) in place to those of the data; gives the change that this was."""
    new = values.mean(dim=0), scale_of(values, units[1])
    change = UnitChange.between(units, new)
    for unit, value in zip(units, new, strict=True):
        unit.copy_(value)
    return change


def forget(
    optimizer: torch.optim.Optimizer, parameter: Tensor, chosen: Bool[Tensor, "..."]
) -> None:
    """Set Adam's moments of a parameter to 0 where `chosen`, which broadcasts over it."""
    state = optimizer.state.get(parameter, {})
    for name in ("exp_avg", "exp_avg_sq"):
        if name in state:
            state[name].masked_fill_(chosen, 0.0)


@dataclass(frozen=True)
class Renewal:
    """Begins anew with weights and moments that a change of units leaves without meaning.

    Attributes:
        optimizer: Adam, whose moments they are.
        generator: source of new weights.
    """

    optimizer: torch.optim.Optimizer
    generator: torch.Generator

    def forget(self, parameter: Tensor, chosen: Bool[Tensor, "..."]) -> None:
        """Set Adam's moments to 0 where `chosen`, which broadcasts over the parameter."""
        forget(self.optimizer, parameter, chosen)

    @torch.no_grad()
    def redraw(self, network: EnsembleMLP, chosen: Bool[Tensor, "O"]) -> None:
        """Draw the outputs `chosen` anew, around 0."""
        weight, bias = last_layer(network)
        shape, made = weight[..., chosen].shape, {"dtype": weight.dtype, "device": weight.device}
        drawn = torch.rand(shape, generator=self.generator, **made)
        weight[..., chosen] = (2.0 * drawn - 1.0) / math.sqrt(weight.shape[1])
        bias[..., chosen] = 0.0


@torch.no_grad()
def follow_units(
    network: EnsembleMLP, seen: UnitChange, told: UnitChange, renewal: Renewal | None
) -> None:
    """Change the first and the last layer so that the function stays what it was.

    Args:
        seen, told: of the inputs, and of the first so many outputs.
        renewal: limits and begins anew what a large change leaves without meaning; None keeps the
            function whatever the change is.
    """
    limit = math.inf if renewal is None else LIMIT
    follow_input_units(network.weights[0], network.biases[0], seen, limit)
    weight, bias = last_layer(network)
    columns = slice(0, len(told.growth))
    weight[..., columns] /= told.growth
    bias[..., columns].sub_(told.moved).div_(told.growth)
    if renewal is not None:
        renewal.forget(network.weights[0], input_rows(seen.large, network.weights[0]))
        renewal.redraw(network, _among(told.lost, weight))
        for parameter in (weight, bias):
            renewal.forget(parameter, _among(told.large | told.lost, weight))


@torch.no_grad()
def follow_input_units(
    weight: Float[Tensor, "*E I H"],
    bias: Float[Tensor, "*E 1 H"],
    seen: UnitChange,
    limit: float,
) -> None:
    """The same for a first layer alone; inputs beyond those of `seen` keep their unit.

    Args:
        limit: most by which weights grow, and most old scales by which a shift is followed.
    """
    rows = weight[..., : len(seen.growth), :]
    bias += (seen.moved.clamp(-limit, limit) @ rows)[..., None, :]
    rows *= seen.growth.clamp(max=limit)[:, None]


def input_rows(chosen: Bool[Tensor, "N"], weight: Float[Tensor, "*E I H"]) -> Bool[Tensor, "I 1"]:
    """The first N inputs that are `chosen`, to be broadcast over a first layer's weight."""
    return functional.pad(chosen, (0, weight.shape[-2] - len(chosen)))[:, None]


def last_layer(network: EnsembleMLP) -> tuple[Tensor, Tensor]:
    """Weight [E, H, O] and bias [E, 1, O]."""
    last = len(network.weights) - 1
    return network.weights[last], network.biases[last]


def _among(chosen: Tensor, weight: Tensor) -> Tensor:
    """`chosen` outputs among all that a last layer has."""
    return functional.pad(chosen, (0, weight.shape[-1] - len(chosen)))
