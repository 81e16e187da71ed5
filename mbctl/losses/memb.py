"""Losses of MEMB: the model by the error of its samples, the policy by one step through the model.

Tan, Qu, Xiong, Zhang 2020, Model Embedding Model-Based Reinforcement Learning,
https://arxiv.org/abs/2006.09234. Eq. 6, the loss of Q, is that of soft actor-critic with V's slow
copy in its target: `losses/sac.py`. B rows; T columns of a target; log_prob is log pi(a | o) of a
reparameterised action. alpha, which the paper leaves out of its equations "to ease the exposition",
is in them here.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def sampled_error(
    mean: Float[Tensor, "B T"],
    deviation: Float[Tensor, "B T"],
    noise: Float[Tensor, "B T"],
    target: Float[Tensor, "B T"],
) -> Float[Tensor, ""]:
    """Eq. 4: E[(mu + sigma zeta - target)^2] / 2 with zeta ~ N(0, 1), averaged over columns.

    In expectation ((mu - target)^2 + sigma^2) / 2: it is least at sigma = 0, whatever the noise of
    the data is.
    """
    return 0.5 * torch.addcmul(mean, deviation, noise).sub(target).square().mean()


def value_loss(
    value: Float[Tensor, "B"],
    q_min: Float[Tensor, "B"],
    log_prob: Float[Tensor, "B"],
    alpha: float | Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """Eq. 5: E[(V(s) - (Q(s, a) - alpha log pi(a | s)))^2] / 2, with one action from the policy.

    The target is taken as a constant.
    """
    target = (q_min - alpha * log_prob).detach()
    return 0.5 * (value - target).square().mean()


def embedded_value(
    reward: Float[Tensor, "B"],
    log_prob: Float[Tensor, "B"],
    next_value: Float[Tensor, "B"],
    alive: Float[Tensor, "B"] | float,
    alpha: float | Float[Tensor, ""],
    gamma: float,
) -> Float[Tensor, "B"]:
    """Eq. 8: V(s) = r(s, a) - alpha log pi(a | s) + gamma alive V'(f(s, a)), to be maximised.

    Its gradient by the policy's parameters is eq. 9. `alive` is 0 where the step ended the episode
    for good, by a termination function that the paper does without (1).
    """
    return reward - alpha * log_prob + gamma * alive * next_value
