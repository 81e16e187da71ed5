"""Targets of action values that look some model steps ahead: MVE and STEVE.

MVE: Feinberg et al. 2018, Model-Based Value Expansion, https://arxiv.org/abs/1803.00101.
STEVE: Buckman et al. 2018, Stochastic Ensemble Value Expansion, https://arxiv.org/abs/1807.01675.

    symbol in the papers         here
    T_h                          targets[h]: r, then h imagined rewards, then the value behind
    mu_h, sigma_h^2              mean and variance of T_h over critics and models
    w_h = 1 / sigma_h^2          weight[h], normalised to a sum of 1
    d                            terminated: 1 where an episode ended for good

Axes: H model steps, K critics, M models, B transitions. Imagined rewards and values may be soft,
that is, have -alpha log pi of their action added.

At h = 0 all models agree, for none was asked: the variance of T_0 is that over the critics. Taken
over models alone, as in MAAC's code, it is 0, T_0 gets all the weight and nothing is expanded.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

VARIANCE_FLOOR = 1e-8  # as in STEVE's code


class SteveTarget(NamedTuple):
    """The target of each transition, and how much each horizon had to say in it."""

    value: Float[Tensor, "B"]
    weight: Float[Tensor, "h B"]


def mve_targets(
    reward: Float[Tensor, "H B"],
    terminated: Float[Tensor, "H B"],
    value: Float[Tensor, "B"],
    gamma: float,
) -> Float[Tensor, "H B"]:
    """Targets of Q(s_t, a_t) for every t of a path: the TD-k trick, section 3.1 of MVE.

    sum_{k=t}^{H-1} gamma^{k-t} r_k + gamma^{H-t} V(s_H), as far as the path goes on. Targets behind
    an end are of states that were never reached; `reached` says which.
    """
    targets = torch.empty_like(reward)
    behind = value
    for t in reversed(range(len(reward))):
        behind = reward[t] + gamma * torch.where(terminated[t] > 0, 0.0, behind)
        targets[t] = behind
    return targets


def reached(terminated: Float[Tensor, "H B"]) -> Float[Tensor, "H B"]:
    """1 where a path still went on before step t: the weight of t in the critics' loss."""
    ahead = torch.ones_like(terminated)
    ahead[1:] = (1.0 - terminated[:-1]).cumprod(dim=0)
    return ahead


def expanded_targets(
    reward: Float[Tensor, "B"],
    terminated: Float[Tensor, "B"],
    imagined_reward: Float[Tensor, "H M B"],
    imagined_end: Bool[Tensor, "H M B"],
    value: Float[Tensor, "h K M B"],
    gamma: float,
) -> Float[Tensor, "h K M B"]:
    """STEVE's candidates T_h, h = 0 .. H, of real transitions that models go on from.

    T_h = r + sum_{i=1}^h gamma^i alive_i r_i + gamma^{h+1} alive_{h+1} V(s_h); a step that ends the
    path counts, what follows it does not.
    """
    gained = reward.expand(value.shape[2:])
    alive = (terminated == 0).expand(value.shape[2:])
    discount = gamma
    targets = torch.empty_like(value)
    for h in range(len(value)):
        if h > 0:
            gained = gained + discount * torch.where(alive, imagined_reward[h - 1], 0.0)
            alive = alive & ~imagined_end[h - 1]
            discount *= gamma
        targets[h] = gained + discount * torch.where(alive, value[h], 0.0)
    return targets


def steve_target(
    targets: Float[Tensor, "h K M B"],
    chosen: Int[Tensor, "h m"] | None = None,
    smaller: bool = True,
) -> SteveTarget:
    """sum_h w_h mu_h / sum_h w_h.

    Args:
        chosen: the models that are asked at each horizon; None asks all.
        smaller: mu_h is the mean over models of the smaller critic's target, against
            overestimation (Fujimoto et al. 2018); False: the mean over critics, too, as in STEVE.
    """
    if chosen is not None:
        targets = torch.stack([t[:, m] for t, m in zip(targets, chosen, strict=True)])
    variance = targets.flatten(1, 2).var(dim=1, correction=0)
    of_critics = targets.amin(dim=1) if smaller else targets.mean(dim=1)
    precision = 1.0 / (variance + VARIANCE_FLOOR)
    weight = precision / precision.sum(dim=0)
    return SteveTarget((weight * of_critics.mean(dim=1)).sum(dim=0), weight)


def random_models(
    horizons: int, models: int, chosen: int, generator: torch.Generator
) -> Int[Tensor, "h m"]:
    """`chosen` of the models for each horizon, each subset as likely as another."""
    drawn = torch.rand(horizons, models, generator=generator, device=generator.device)
    return drawn.argsort(dim=1)[:, :chosen]
