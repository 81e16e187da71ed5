"""Returns and generalised advantages (Schulman et al. 2016) over imagined rollouts."""

import torch
from torch import Tensor


def discounted_returns(reward: Tensor, alive: Tensor, last_value: Tensor, gamma: float) -> Tensor:
    """Return-to-go [H, R]; a rollout alive past the horizon goes on with `last_value` [R].

    `reward` and `alive` are [H, R]; rewards of steps that were not taken count nothing.
    """
    result = torch.empty_like(reward)
    running = last_value
    for t in reversed(range(reward.shape[0])):
        running = alive[t] * (reward[t] + gamma * running)
        result[t] = running
    return result


def generalised_advantages(
    reward: Tensor, alive: Tensor, value: Tensor, gamma: float, lam: float
) -> Tensor:
    """Advantages [H, R].

    Args:
        reward, alive: [H, R].
        value: [H + 1, R]; zero where the rollout has ended, so that the end bootstraps nothing.
        gamma, lam: discount and GAE's lambda.
    """
    result = torch.empty_like(reward)
    running = torch.zeros_like(reward[0])
    for t in reversed(range(reward.shape[0])):
        error = reward[t] + gamma * value[t + 1] - value[t]
        running = alive[t] * (error + gamma * lam * running)
        result[t] = running
    return result
