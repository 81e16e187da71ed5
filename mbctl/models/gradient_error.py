"""How far a model's derivatives are from the truth: against finite differences of a simulator.

Li et al. 2022, section 5.2 of DDPPO: a model can predict well and still be steep where the truth is
flat, and a policy that is improved through it follows its slopes.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.models.prediction_error import Difference, StepFunction
from mbctl.nn.forward_mode import projections


def model_slopes(
    model: StepFunction,
    physical: Float[Tensor, "B P"],
    action: Float[Tensor, "B A"],
    directions: Float[Tensor, "K I"],
) -> Float[Tensor, "B K P"]:
    """J d of a differentiable model for each of K directions d; I = P + A, state before action."""
    size = physical.shape[-1]

    def step(inputs: Tensor) -> Tensor:
        return model(inputs[..., :size], inputs[..., size:])

    inputs = torch.cat([physical, action], dim=-1)
    along = directions.expand(len(inputs), *directions.shape)
    return projections(step, inputs, along).detach()


@torch.no_grad()
def true_slopes(
    truth: StepFunction,
    physical: Float[Tensor, "B P"],
    action: Float[Tensor, "B A"],
    directions: Float[Tensor, "K I"],
    width: float,
    difference: Difference = torch.sub,
) -> Float[Tensor, "B K P"]:
    """(f(x + w d) - f(x - w d)) / 2 w for each direction; calls `truth` 2 K times."""
    size = physical.shape[-1]
    slopes = []
    for direction in width * directions:
        state, push = direction[:size], direction[size:]
        above = truth(physical + state, action + push)
        below = truth(physical - state, action - push)
        slopes.append(difference(above, below) / (2 * width))
    return torch.stack(slopes, dim=1)


def gradient_error(
    model: StepFunction,
    truth: StepFunction,
    physical: Float[Tensor, "B P"],
    action: Float[Tensor, "B A"],
    scale: Float[Tensor, "P"],
    directions: Float[Tensor, "K I"] | None = None,
    width: float = 1e-3,
    difference: Difference = torch.sub,
) -> Float[Tensor, "B"]:
    """Squared error of each row's slopes in units of `scale`: the mean over directions, outputs.

    Args:
        model: differentiable, each row on its own.
        truth: the simulator's step. In float32 a small `width` drowns in rounding: give float64.
        scale: of the next state's columns.
        directions: in which to look, state before action; None looks along each column in turn.
            Columns that are functions of one another move together or not at all.
        width: of the finite difference, in lengths of a direction.
        difference: of next states.
    """
    if directions is None:
        size = physical.shape[-1] + action.shape[-1]
        directions = torch.eye(size, dtype=physical.dtype, device=physical.device)
    learned = model_slopes(model, physical, action, directions)
    measured = true_slopes(truth, physical, action, directions, width, difference)
    return ((learned - measured) / scale).square().mean(dim=(1, 2))
