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
from mbctl.nn.units import Renewal, UnitChange, follow_units, scale_of
from mbctl.tasks.task import Task


@dataclass
class Statistics:
    """Shift and scale of inputs [I] and scale of physical differences [P]."""

    input_shift: Tensor
    input_scale: Tensor
    difference_scale: Tensor


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

    @property
    def difference_scale(self) -> Float[Tensor, "P"]:
        """By how much physical columns are known to change in a step."""
        return self.statistics.difference_scale

    @torch.no_grad()
    def fit_statistics(
        self,
        physical: Float[Tensor, "N P"],
        action: Float[Tensor, "N A"],
        difference: Tensor,
        renewal: Renewal | None = None,
    ) -> None:
        """Set shift and scale from the data that the next fit uses.

        The first and last layers are changed with them, so that the function stays what it was:
        a warm-started network is not thrown off by its own new units.

        Args:
            renewal: begins anew with what units that changed much leave without meaning; None
                keeps the function whatever they do.
        """
        inputs, old = self.inputs(physical, action), self.statistics
        self.statistics = new = Statistics(
            inputs.mean(dim=0),
            scale_of(inputs, old.input_scale),
            scale_of(difference, old.difference_scale),
        )
        if not self.fitted:  # untrained weights are in normalised units already
            self.fitted = True
            return
        seen = UnitChange.between(
            (old.input_shift, old.input_scale), (new.input_shift, new.input_scale)
        )
        origin = torch.zeros_like(new.difference_scale)
        told = UnitChange.between((origin, old.difference_scale), (origin, new.difference_scale))
        follow_units(self.network, seen, told, renewal)

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
