"""Tanh-Gaussian policy: a ~ tanh(N(mu(o), sigma(o)^2)), for learners that differentiate through it.

Haarnoja et al. 2018, Soft Actor-Critic Algorithms and Applications, https://arxiv.org/abs/1812.05905,
appendix C. One ReLU network gives [mu | log sigma], [B, 2 A]; log sigma is cut to LOG_STD_RANGE.
"""

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from mbctl.policies.manifest import LOG_STD_RANGE
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


class SquashedGaussianPolicy:
    """Diagonal Gaussian with state-dependent deviation, squashed into (-1, 1) by tanh.

    Args:
        observation_dim, action_dim: O and A.
        hidden: widths of the hidden layers.
        reflection: act in the mirror image where it says so; None acts as observed. All methods
            below but `canonical` and `applied` work on canonical observations and actions.
        generator: source of the initial weights. The last layer starts at a hundredth of its usual
            size: every observation gives a mean near 0 and a deviation near 1, which tanh turns
            into something close to uniform.
    """

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        hidden: tuple[int, ...],
        reflection: Reflection | None,
        generator: torch.Generator,
    ) -> None:
        self.hidden = hidden
        self.reflection = reflection
        self.input_shift = torch.zeros(observation_dim)
        self.input_scale = torch.ones(observation_dim)
        self.parameters: list[Tensor] = []  # W_1 [out, in], b_1, ..., W_n, b_n
        sizes = (observation_dim, *hidden, 2 * action_dim)
        for layer in range(len(sizes) - 1):
            bound = (0.01 if layer == len(sizes) - 2 else 1.0) / math.sqrt(sizes[layer])
            for shape in ((sizes[layer + 1], sizes[layer]), (sizes[layer + 1],)):
                drawn = (2.0 * torch.rand(shape, generator=generator) - 1.0) * bound
                self.parameters.append(drawn.requires_grad_())

    def canonical(self, observation: Tensor) -> tuple[Tensor, Tensor | None]:
        """Observations as the network sees them, and which rows are mirrored (None: none ever)."""
        if self.reflection is None:
            return observation, None
        flipped = self.reflection.flipped(observation)
        return self.reflection.observation(observation, flipped), flipped

    def applied(self, action: Tensor, flipped: Tensor | None) -> Tensor:
        """Actions for the robot from actions in the network's view."""
        if self.reflection is None or flipped is None:
            return action
        return self.reflection.action(action, flipped)

    def distribution(
        self, observation: Float[Tensor, "B O"]
    ) -> tuple[Float[Tensor, "B A"], Float[Tensor, "B A"]]:
        """Mean and log of the deviation before squashing."""
        x = (observation - self.input_shift) / self.input_scale
        last = len(self.parameters) - 2
        for i in range(0, len(self.parameters), 2):
            x = functional.linear(x, self.parameters[i], self.parameters[i + 1])
            x = torch.relu_(x) if i < last else x
        mean, log_std = x.chunk(2, dim=-1)
        return mean, log_std.clamp(*LOG_STD_RANGE)

    def sample(
        self, observation: Float[Tensor, "B O"], generator: torch.Generator
    ) -> tuple[Float[Tensor, "B A"], Float[Tensor, "B"]]:
        """Actions, differentiable by the parameters (reparameterised), and their log densities."""
        mean, log_std = self.distribution(observation)
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
        pre_squash = torch.addcmul(mean, log_std.exp(), noise)
        return torch.tanh(pre_squash), squashed_log_prob(pre_squash, noise, log_std)

    def mean(self, observation: Float[Tensor, "B O"]) -> Float[Tensor, "B A"]:
        """tanh of the mean before squashing: what the robot does when it does not explore."""
        return torch.tanh(self.distribution(observation)[0])

    def architecture(self) -> dict[str, object]:
        """What a snapshot's manifest says of this network."""
        return {
            "kind": "squashed_gaussian_mlp",
            "hidden": list(self.hidden),
            "activation": "relu",
            "reflection": None if self.reflection is None else self.reflection.model_dump(),
        }

    def named_weights(self) -> dict[str, Tensor]:
        """The tensors by their names in a snapshot."""
        weights = {"input_shift": self.input_shift, "input_scale": self.input_scale}
        for layer in range(len(self.parameters) // 2):
            weights[f"layers.{layer}.weight"] = self.parameters[2 * layer]
            weights[f"layers.{layer}.bias"] = self.parameters[2 * layer + 1]
        return {name: weight.detach() for name, weight in weights.items()}

    def snapshot(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Architecture and float32 weights by name, as what a learner publishes."""
        weights = {name: weight.numpy().copy() for name, weight in self.named_weights().items()}
        return self.architecture(), weights
