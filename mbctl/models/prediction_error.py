"""How far a model's predictions are from the truth: against a simulator's own step.

Li et al. 2022, section 5.2 and appendix B.3 of DDPPO, beside `gradient_error`.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble

StepFunction = Callable[[Tensor, Tensor], Tensor]
"""Next physical [B, P] of physical [B, P] and applied action [B, A]."""

Difference = Callable[[Tensor, Tensor], Tensor]
"""after - before, [B, P]; a task's `physical_difference`, so that angles go the short way round."""


def elite_mean(model: ProbabilisticEnsemble) -> StepFunction:
    """What the elites of an ensemble predict on average, differentiable by state and action."""
    elites = model.elite_members

    def step(physical: Tensor, action: Tensor) -> Tensor:
        rows = (x.expand(model.members, *x.shape) for x in (physical, action))
        return model.forward(*rows).mean_next[elites].mean(dim=0)

    return step


@torch.no_grad()
def prediction_error(
    model: StepFunction,
    truth: StepFunction,
    physical: Float[Tensor, "B P"],
    action: Float[Tensor, "B A"],
    scale: Float[Tensor, "P"],
    difference: Difference = torch.sub,
) -> Float[Tensor, "B"]:
    """Squared error of each row, in units of `scale`, the mean over columns.

    With the standard deviation of real steps as scale, 1 is the error of a model that says "as far
    as on average".
    """
    error = difference(model(physical, action), truth(physical, action)) / scale
    return error.square().mean(dim=-1)
