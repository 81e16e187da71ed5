"""The gradient loss of DDPPO: a model's Jacobian, seen along directions that data allow.

Li et al. 2022, Gradient Information Matters in Policy Optimization by Back-propagating through
Model, https://openreview.net/forum?id=rzvOQrnclO0, eq. 9.
Axes: E members, B rows, n directions, I inputs, D outputs.

J(x) v comes from forward-mode differentiation: about the cost of one more forward pass for each
direction, where the Jacobian itself would take D backward passes (the authors' way).
"""

import warnings
from collections.abc import Callable
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import forward_ad


@cache
def _load_forward_mode() -> None:
    """Let torch load what forward mode takes, in which it warns of its own use of TorchScript."""
    with warnings.catch_warnings(), forward_ad.dual_level():
        warnings.simplefilter("ignore", DeprecationWarning)
        forward_ad.make_dual(torch.zeros(1), torch.ones(1))


def projections(
    function: Callable[[Tensor], Tensor],
    inputs: Float[Tensor, "E B I"],
    directions: Float[Tensor, "E B n I"],
) -> Float[Tensor, "E B n D"]:
    """J(x) v_i for each row x and each of its n directions, differentiable by all that is involved.

    `function` maps [E, B, I] to [E, B, D], each row on its own.
    """
    _load_forward_mode()

    def along(direction: Tensor) -> Tensor:
        return torch.func.jvp(function, (inputs,), (direction,))[1]

    return torch.func.vmap(along, in_dims=2, out_dims=2)(directions)


def directional_derivative_loss(
    projected: Float[Tensor, "E B n D"],
    differences: Float[Tensor, "E B n D"],
    kept: Float[Tensor, "E B n"],
) -> Float[Tensor, "E"]:
    """Eq. 9: 1/n sum_i 1/d |J(x) v_i - (M(x_i) - M(x))|^2, the mean over rows, for each member.

    Args:
        projected: J(x) v_i, v_i = x_i - x.
        differences: M(x_i) - M(x), as measured.
        kept: 1 where x_i is near enough for a straight line to x to say something, else 0. What is
            left out counts as no error: n and the rows are counted all the same.
    """
    error = (projected - differences).square().mean(dim=-1)
    return (kept * error).mean(dim=(1, 2))
