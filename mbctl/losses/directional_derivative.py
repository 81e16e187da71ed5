"""The gradient loss of DDPPO: a model's Jacobian, seen along directions that data allow.

Li et al. 2022, Gradient Information Matters in Policy Optimization by Back-propagating through
Model, https://openreview.net/forum?id=rzvOQrnclO0, eq. 9.
Axes: E members, B rows, n directions, D outputs.
"""

from jaxtyping import Float
from torch import Tensor


def directional_derivative_loss(
    projected: Float[Tensor, "E B n D"],
    differences: Float[Tensor, "E B n D"],
    kept: Float[Tensor, "E B n"],
) -> Float[Tensor, "E"]:
    """Eq. 9: 1/n sum_i 1/d |J(x) v_i - (M(x_i) - M(x))|^2, the mean over rows, for each member.

    Args:
        projected: J(x) v_i, v_i = x_i - x; `mbctl.nn.forward_mode.projections` gives it.
        differences: M(x_i) - M(x), as measured.
        kept: 1 where x_i is near enough for a straight line to x to say something, else 0. What is
            left out counts as no error: n and the rows are counted all the same.
    """
    error = (projected - differences).square().mean(dim=-1)
    return (kept * error).mean(dim=(1, 2))
