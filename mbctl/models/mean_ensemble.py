"""A dynamics ensemble as planners need it: mean next states, from plain tensors, no gradients.

M_e(s, a) = s + mu_D + sigma_D * MLP_e((x(s, a) - mu_x) / sigma_x)

So it is rebuilt from a snapshot, whatever kind of ensemble the learner fitted.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from mbctl.tasks.task import Task

_ACTIVATIONS = {"relu": torch.relu_, "tanh": torch.tanh_}


class MeanEnsemble:
    """E networks with fixed weights.

    Args:
        task: names the physical part and the model's inputs.
        weights: tensors by their names in a snapshot, without `model.`; see
            mbctl.policies.planner_architecture.planner_shapes.
        kinematic: the networks see what the robot's known geometry tells.
        activation: "relu", "silu" or "tanh".

    Attributes:
        input_shift, input_scale: [I] of what the networks see.
        difference_shift, difference_scale: [P] of physical differences.
    """

    def __init__(
        self, task: Task, weights: Mapping[str, Tensor], kinematic: bool, activation: str
    ) -> None:
        self.task = task
        self.kinematic = kinematic
        self.activation = activation
        self.input_shift, self.input_scale = weights["input_shift"], weights["input_scale"]
        self.difference_shift = weights["difference_shift"]
        self.difference_scale = weights["difference_scale"]
        layers = sum(name.endswith(".bias") for name in weights)
        self.layers = [
            (weights[f"layers.{i}.weight"], weights[f"layers.{i}.bias"]) for i in range(layers)
        ]
        self.members = self.layers[0][0].shape[0]

    @torch.no_grad()
    def predict(
        self, physical: Float[Tensor, "E B P"], action: Float[Tensor, "E B A"]
    ) -> Float[Tensor, "E B P"]:
        """Next physical state, each member on its own rows."""
        inputs = self.task.dynamics_inputs(physical, action, self.kinematic)
        x = (inputs - self.input_shift) / self.input_scale
        last = len(self.layers) - 1
        for i, (weight, bias) in enumerate(self.layers):
            x = torch.baddbmm(bias, x, weight)
            x = self._activated(x) if i < last else x
        return physical + torch.addcmul(self.difference_shift, self.difference_scale, x)

    def _activated(self, x: Tensor) -> Tensor:
        if self.activation == "silu":
            return functional.silu(x, inplace=True)
        return _ACTIVATIONS[self.activation](x)
