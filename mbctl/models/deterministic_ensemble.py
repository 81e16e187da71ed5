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

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mbctl.nn.ensemble_mlp import EnsembleMLP
from mbctl.nn.units import Renewal, UnitChange, follow_units, scale_of, take_units
from mbctl.tasks.task import Task, dynamics_input_width


class DeterministicEnsemble(nn.Module):
    """E networks that predict the next physical state.

    Args:
        task: names the physical part, its features and its differences.
        hidden: widths of the hidden layers.
        members: E.
        kinematic: give the network what the robot's known geometry tells.
        generator: source of the initial weights, on the device where the model is to be.

    Attributes:
        input_shift, input_scale: [I] of what the networks see.
        difference_scale: [P] by how much physical columns are known to change in a step.
        residual_scale: [P] error on rows that the model was not fitted to.
        fitted: [1] whether it was.
    """

    def __init__(
        self,
        task: Task,
        hidden: tuple[int, ...],
        members: int,
        kinematic: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.task = task
        self.kinematic = kinematic
        physical, device = len(task.physical_names), generator.device
        inputs = dynamics_input_width(task, kinematic)
        self.network = EnsembleMLP(members, (inputs, *hidden, physical), generator)
        self.members = members
        self.input_shift: Tensor = nn.Buffer(torch.zeros(inputs, device=device))
        self.input_scale: Tensor = nn.Buffer(torch.ones(inputs, device=device))
        self.difference_scale: Tensor = nn.Buffer(torch.ones(physical, device=device))
        self.residual_scale: Tensor = nn.Buffer(torch.zeros(physical, device=device))
        self.fitted: Tensor = nn.Buffer(torch.zeros(1, dtype=torch.bool, device=device))

    def inputs(self, physical: Tensor, action: Tensor) -> Tensor:
        """Raw network inputs [..., I]."""
        return self.task.dynamics_inputs(physical, action, self.kinematic)

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
        inputs, origin = self.inputs(physical, action), torch.zeros_like(self.difference_scale)
        seen = take_units((self.input_shift, self.input_scale), inputs)
        scale = scale_of(difference, self.difference_scale)
        told = UnitChange.between((origin, self.difference_scale), (origin, scale))
        self.difference_scale.copy_(scale)
        if self.fitted:  # untrained weights are in normalised units already
            follow_units(self.network, seen, told, renewal)
        self.fitted.fill_(True)

    def note_residual(self, error: Float[Tensor, "N P"]) -> None:
        """Take in one-step errors on rows not yet fitted to; older ones fade by half."""
        scale = error.square().mean(dim=0).sqrt()
        known = self.residual_scale > 0
        self.residual_scale = torch.where(known, 0.5 * (self.residual_scale + scale), scale)

    def normalise(self, inputs: Tensor) -> Tensor:
        return (inputs - self.input_shift) / self.input_scale

    @torch.no_grad()
    def predict(
        self, physical: Float[Tensor, "E B P"], action: Float[Tensor, "E B A"]
    ) -> Float[Tensor, "E B P"]:
        """Next physical state, each member on its own rows."""
        inputs = self.normalise(self.inputs(physical, action))
        return physical + self.difference_scale * self.network(inputs)
