"""Tanh-Gaussian policy: a ~ tanh(N(mu(o), sigma(o)^2)), for learners that differentiate through it.

Haarnoja et al. 2018, Soft Actor-Critic Algorithms and Applications, https://arxiv.org/abs/1812.05905,
appendix C. One ReLU network gives [mu | log sigma], [B, 2 A]; log sigma is cut to LOG_STD_RANGE.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from mbctl.nn.device import randn_like
from mbctl.policies.manifest import LOG_STD_RANGE
from mbctl.policies.network import PolicyNetwork
from mbctl.tasks.reflection import Reflection

_LOG_2 = math.log(2.0)
_HALF_LOG_2_PI = 0.5 * math.log(2.0 * math.pi)


def squashed_log_prob(
    pre_squash: Float[Tensor, "B A"], noise: Float[Tensor, "B A"], log_std: Float[Tensor, "B A"]
) -> Float[Tensor, "B"]:
    """log pi(tanh(u) | o) of u = mu + sigma * noise; appendix C of the paper.

    log(1 - tanh(u)^2) is written as 2 (log 2 - u - softplus(-2 u)), which is exact for any u; the
    usual log(1 - tanh(u)^2 + 1e-6) is wrong by more than a nat from |u| = 7.5 on.
    """
    correction = 2.0 * (_LOG_2 - pre_squash - functional.softplus(-2.0 * pre_squash))
    density = -0.5 * noise.square() - log_std - correction
    return density.sum(dim=-1) - noise.shape[-1] * _HALF_LOG_2_PI


class SquashedGaussianPolicy(PolicyNetwork):
    """Diagonal Gaussian with state-dependent deviation, squashed into (-1, 1) by tanh.

    Args:
        observation_dim, action_dim: O and A.
        hidden: widths of the hidden layers.
        reflection, generator: see `PolicyNetwork`. The last layer starts at a hundredth of its
            usual size: every observation gives a mean near 0 and a deviation near 1, which tanh
            turns into something close to uniform.
    """

    KIND = "squashed_gaussian_mlp"
    ACTIVATION = "relu"

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        hidden: tuple[int, ...],
        reflection: Reflection | None,
        generator: torch.Generator,
    ) -> None:
        super().__init__((observation_dim, *hidden, 2 * action_dim), 0.01, reflection, generator)

    def distribution(
        self, observation: Float[Tensor, "B O"]
    ) -> tuple[Float[Tensor, "B A"], Float[Tensor, "B A"]]:
        """Mean and log of the deviation before squashing."""
        x = (observation - self.input_shift) / self.input_scale
        last = len(self.ordered) - 2
        for i in range(0, len(self.ordered), 2):
            x = functional.linear(x, self.ordered[i], self.ordered[i + 1])
            x = torch.relu_(x) if i < last else x
        mean, log_std = x.chunk(2, dim=-1)
        return mean, log_std.clamp(*LOG_STD_RANGE)

    def sample(
        self, observation: Float[Tensor, "B O"], generator: torch.Generator
    ) -> tuple[Float[Tensor, "B A"], Float[Tensor, "B"]]:
        """Actions, differentiable by the parameters (reparameterised), and their log densities."""
        mean, log_std = self.distribution(observation)
        noise = randn_like(mean, generator)
        pre_squash = torch.addcmul(mean, log_std.exp(), noise)
        return torch.tanh(pre_squash), squashed_log_prob(pre_squash, noise, log_std)

    def mean(self, observation: Float[Tensor, "B O"]) -> Float[Tensor, "B A"]:
        """tanh of the mean before squashing: what the robot does when it does not explore."""
        return torch.tanh(self.distribution(observation)[0])
