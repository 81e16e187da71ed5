"""The network of a policy: standardised observations through layers, in the mirror image if asked.

Its state_dict has the names of a snapshot: `input_shift`, `input_scale`, `layers.{i}.weight`,
`layers.{i}.bias`. So what the robot gets is what `load_state_dict` takes.
"""

import math
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from mbctl.tasks.reflection import Reflection


class Layer(nn.Module):
    """Weight [out, in] and bias [out]; torch's own layer would draw them twice."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)


class PolicyNetwork(nn.Module):
    """Weights, units and mirror image of a policy; what it does with them is its subclass's.

    Args:
        sizes: widths of observation, hidden layers and output.
        last_share: of the usual size, at which the last layer starts.
        reflection: act in the mirror image where it says so; None acts as observed. All methods
            but `canonical` and `applied` work on canonical observations and actions.
        generator: source of the initial weights, on the device where the policy is to be.

    Attributes:
        input_shift, input_scale: [O]; the layers see (o - shift) / scale.
        ordered: W_1 [out, in], b_1, ..., W_n, b_n and what else the subclass learns.
    """

    KIND: ClassVar[str]
    ACTIVATION: ClassVar[str]

    def __init__(
        self,
        sizes: tuple[int, ...],
        last_share: float,
        reflection: Reflection | None,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.hidden = sizes[1:-1]
        self.reflection = reflection
        device = generator.device
        self.input_shift: Tensor = nn.Buffer(torch.zeros(sizes[0], device=device))
        self.input_scale: Tensor = nn.Buffer(torch.ones(sizes[0], device=device))
        layers: list[Layer] = []
        for inputs, outputs in pairwise(sizes):
            share = last_share if len(layers) == len(sizes) - 2 else 1.0
            bound = share / math.sqrt(inputs)
            drawn = (
                torch.rand(shape, generator=generator, device=device)
                for shape in ((outputs, inputs), (outputs,))
            )
            layers.append(Layer(*((2.0 * values - 1.0) * bound for values in drawn)))
        self.layers = nn.ModuleList(layers)
        self.ordered = tuple(self.layers.parameters())

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

    def snapshot(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Architecture for the manifest, and float32 weights by name: what a learner publishes."""
        architecture = {
            "kind": self.KIND,
            "hidden": list(self.hidden),
            "activation": self.ACTIVATION,
            "reflection": None if self.reflection is None else self.reflection.model_dump(),
        }
        weights = {name: w.cpu().numpy().copy() for name, w in self.state_dict().items()}
        return architecture, weights
