"""A value network on standardised observations, and a copy that follows it slowly.

Lillicrap et al. 2016, https://arxiv.org/abs/1509.02971: targets follow slowly.
"""

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mbctl.nn.ensemble_mlp import EnsembleMLP


class SlowTarget(nn.Module):
    """What critics with a target network have.

    Args:
        network: the values.
        observation_dim: O.

    Attributes:
        target: the slow copy; no gradients go to it.
        input_shift, input_scale: [O]; networks see (o - shift) / scale.
    """

    def __init__(self, network: EnsembleMLP, observation_dim: int) -> None:
        super().__init__()
        self.network = network
        self.target = copy.deepcopy(network).requires_grad_(False)
        self._pairs = tuple(zip(self.target.parameters(), network.parameters(), strict=True))
        device = network.weights[0].device
        self.input_shift: Tensor = nn.Buffer(torch.zeros(observation_dim, device=device))
        self.input_scale: Tensor = nn.Buffer(torch.ones(observation_dim, device=device))

    def seen(self, observation: Float[Tensor, "*B O"]) -> Float[Tensor, "*B O"]:
        """Observations in the networks' units."""
        return (observation - self.input_shift) / self.input_scale

    @torch.no_grad()
    def track(self, tau: float) -> None:
        """target += tau (network - target)."""
        for slow, parameter in self._pairs:
            slow.lerp_(parameter, tau)
