"""Losses of soft actor-critic.

Haarnoja et al. 2018, Soft Actor-Critic Algorithms and Applications, https://arxiv.org/abs/1812.05905.
B transitions; 2 critics. log_prob is log pi(a | o) of a reparameterised action a ~ pi(. | o).
"""

import torch
from jaxtyping import Float
from torch import Tensor


def soft_value(
    q_min: Float[Tensor, "B"], log_prob: Float[Tensor, "B"], alpha: float | Float[Tensor, ""]
) -> Float[Tensor, "B"]:
    """Eq. 3: V(s) = Q(s, a) - alpha log pi(a | s), with one action and the smaller critic."""
    return q_min - alpha * log_prob


def critic_target(
    reward: Float[Tensor, "B"],
    terminated: Float[Tensor, "B"],
    next_value: Float[Tensor, "B"],
    gamma: float,
) -> Float[Tensor, "B"]:
    """The target in eq. 5: r + gamma (1 - terminated) V(s').

    `terminated` is 1 only where the episode ended for good. Where it was cut short by its time
    limit, the value goes on.
    """
    return torch.addcmul(reward, 1.0 - terminated, next_value, value=gamma)


def critic_loss(q: Float[Tensor, "2 B"], target: Float[Tensor, "B"]) -> Float[Tensor, ""]:
    """Eq. 5: the mean over transitions of (Q - target)^2 / 2, summed over the critics."""
    return 0.5 * q.shape[0] * (q - target).square().mean()


def actor_loss(
    q_min: Float[Tensor, "B"], log_prob: Float[Tensor, "B"], alpha: float | Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """Eq. 9: E[alpha log pi(f(noise; s) | s) - Q(s, f(noise; s))]."""
    return (alpha * log_prob - q_min).mean()


def temperature_loss(
    log_alpha: Float[Tensor, ""], log_prob: Float[Tensor, "B"], target_entropy: float
) -> Float[Tensor, ""]:
    """Eq. 18 with log alpha for alpha: E[-log alpha (log pi(a | s) + target entropy)].

    As in the authors' code: the same sign and the same zero, but steps that do not shrink with
    alpha. `log_prob` is taken as a constant.
    """
    return -log_alpha * (log_prob.detach().mean() + target_entropy)
