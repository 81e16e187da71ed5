"""The loss of a probabilistic ensemble.

Chua et al. 2018, Deep Reinforcement Learning in a Handful of Trials using Probabilistic Dynamics
Models, https://arxiv.org/abs/1805.12114, section 4; used by Janner et al. 2019 (MBPO, section 5).
E members, B rows each, D target columns.
"""

from jaxtyping import Float
from torch import Tensor


def gaussian_nll(
    mean: Float[Tensor, "E B D"],
    log_variance: Float[Tensor, "E B D"],
    target: Float[Tensor, "E B D"],
) -> Float[Tensor, "E"]:
    """Chua et al., loss_Gauss with a diagonal covariance, a mean over rows and columns.

        (mean - target)^2 exp(-log_variance) + log_variance

    It is twice the negative log-likelihood of a column, less log(2 pi).
    """
    squared = (mean - target).square()
    return (squared * (-log_variance).exp() + log_variance).mean(dim=(1, 2))
