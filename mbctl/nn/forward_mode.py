"""Jacobians seen along directions, by forward-mode differentiation.

J v costs about one more forward pass for each direction v, where J itself would take a backward
pass for each output.
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
    inputs: Float[Tensor, "*rows I"],
    directions: Float[Tensor, "*rows n I"],
) -> Float[Tensor, "*rows n D"]:
    """J(x) v_i for each row x and each of its n directions, differentiable by all that is involved.

    `function` maps [..., I] to [..., D], each row on its own.
    """
    _load_forward_mode()

    def along(direction: Tensor) -> Tensor:
        return torch.func.jvp(function, (inputs,), (direction,))[1]

    return torch.func.vmap(along, in_dims=-2, out_dims=-2)(directions)
