"""The deterministic dynamics ensemble of PAL and MAL (Rajeswaran et al. 2020, appendix B).

    M(s, a) = s + sigma_D * MLP((s - mu_s) / sigma_s, (a - mu_a) / sigma_a)

Here s is the physical part of the observation. Inputs are its features (angles as periodic
features), so a valve turned by a full turn is the same valve.

Deviations from the paper, with reason:
    * The loss is the squared error in units of sigma_D, not in raw units: velocities are ten to a
      hundred times larger than positions and would own a raw loss (the authors' code does so too).
    * Members start from different weights and see different mini-batch orders (their code reseeds
      all members alike).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.nn.ensemble_mlp import EnsembleMLP
from mbctl.tasks.task import Task


@dataclass
class Statistics:
    """Shift and scale of inputs [I] and scale of physical differences [P]."""

    input_shift: Tensor
    input_scale: Tensor
    difference_scale: Tensor


def _scale(values: Tensor) -> Tensor:
    deviation = values.std(dim=0, correction=0)
    return torch.where(deviation < 1e-6, torch.ones_like(deviation), deviation)


class DeterministicEnsemble:
    """E networks that predict the next physical state.

    Args:
        task: names the physical part, its features and its differences.
        hidden: widths of the hidden layers.
        members: E.
        kinematic: give the network what the robot's known geometry tells.
        generator: source of the initial weights.
    """

    def __init__(
        self,
        task: Task,
        hidden: tuple[int, ...],
        members: int,
        kinematic: bool,
        generator: torch.Generator,
    ) -> None:
        self.task = task
        self.kinematic = kinematic
        physical = len(task.physical_names)
        probe = torch.zeros(1, physical), torch.zeros(1, len(task.robot.joints))
        inputs = self.inputs(*probe).shape[-1]
        self.network = EnsembleMLP(members, (inputs, *hidden, physical), generator)
        self.members = members
        self.statistics = Statistics(torch.zeros(inputs), torch.ones(inputs), torch.ones(physical))
        self.residual_scale = torch.zeros(physical)  # [P], error on rows it was not fitted to
        self.fitted = False

    def inputs(self, physical: Tensor, action: Tensor) -> Tensor:
        """Raw network inputs [..., I]."""
        return self.task.dynamics_inputs(physical, action, self.kinematic)

    def fit_statistics(
        self, physical: Float[Tensor, "N P"], action: Float[Tensor, "N A"], difference: Tensor
    ) -> None:
        """Set shift and scale from the data that the next fit uses.

        The first and last layers are changed with them, so that the function stays what it was:
        a warm-started network is not thrown off by its own new units.
        """
        inputs = self.inputs(physical, action)
        old = self.statistics
        new = Statistics(inputs.mean(dim=0), _scale(inputs), _scale(difference))
        weights, biases = self.network.weights, self.network.biases
        if not self.fitted:  # untrained weights are in normalised units already
            self.statistics, self.fitted = new, True
            return
        with torch.no_grad():
            moved = (new.input_shift - old.input_shift) / old.input_scale
            biases[0] += (moved @ weights[0])[:, None]
            weights[0] *= (new.input_scale / old.input_scale)[:, None]
            ratio = old.difference_scale / new.difference_scale
            weights[len(weights) - 1] *= ratio
            biases[len(biases) - 1] *= ratio
        self.statistics = new

    def note_residual(self, error: Float[Tensor, "N P"]) -> None:
        """Take in one-step errors on rows not yet fitted to; older ones fade by half."""
        scale = error.square().mean(dim=0).sqrt()
        known = self.residual_scale > 0
        self.residual_scale = torch.where(known, 0.5 * (self.residual_scale + scale), scale)

    def normalise(self, inputs: Tensor) -> Tensor:
        return (inputs - self.statistics.input_shift) / self.statistics.input_scale

    @torch.no_grad()
    def predict(
        self, physical: Float[Tensor, "E B P"], action: Float[Tensor, "E B A"]
    ) -> Float[Tensor, "E B P"]:
        """Next physical state, each member on its own rows."""
        inputs = self.normalise(self.inputs(physical, action))
        return physical + self.statistics.difference_scale * self.network(inputs)
