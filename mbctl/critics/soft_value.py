"""The state value V(o) of a stochastic policy and its slow copy.

Haarnoja et al. 2018, Soft Actor-Critic, https://arxiv.org/abs/1801.01290: V beside Q. Lillicrap et
al. 2016, https://arxiv.org/abs/1509.02971: the target follows slowly.
"""

import copy

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Parameter

from mbctl.nn.ensemble_mlp import EnsembleMLP


class SoftValue:
    """V and its target network.

    Args:
        observation_dim: O.
        hidden: widths of the hidden layers.
        layer_norm: normalise hidden layers, which keeps many updates per row stable.
        generator: source of the initial weights.

    Attributes:
        input_shift, input_scale: [O]; networks see (o - shift) / scale.
    """

    def __init__(
        self,
        observation_dim: int,
        hidden: tuple[int, ...],
        layer_norm: bool,
        generator: torch.Generator,
    ) -> None:
        self.network = EnsembleMLP(1, (observation_dim, *hidden, 1), generator, layer_norm)
        self.target = copy.deepcopy(self.network).requires_grad_(False)
        self.parameters: list[Parameter] = list(self.network.parameters())
        self._slow: list[Parameter] = list(self.target.parameters())
        self.input_shift = torch.zeros(observation_dim)
        self.input_scale = torch.ones(observation_dim)

    def values(self, observation: Float[Tensor, "B O"]) -> Float[Tensor, "B"]:
        """V, differentiable by the parameters and by the observation."""
        return self._of(self.network, observation)

    @torch.no_grad()
    def target_values(self, observation: Float[Tensor, "B O"]) -> Float[Tensor, "B"]:
        """The target network's values."""
        return self._of(self.target, observation)

    def values_for_actor(self, observation: Float[Tensor, "B O"]) -> Float[Tensor, "B"]:
        """V, differentiable by the observation alone: no gradient is spent on weights."""
        self.network.requires_grad_(False)
        try:
            return self._of(self.network, observation)
        finally:
            self.network.requires_grad_(True)

    @torch.no_grad()
    def track(self, tau: float) -> None:
        """target += tau (network - target)."""
        for slow, parameter in zip(self._slow, self.parameters, strict=True):
            slow.lerp_(parameter, tau)

    def _of(self, network: EnsembleMLP, observation: Tensor) -> Tensor:
        seen = (observation - self.input_shift) / self.input_scale
        return network(seen[None])[0, :, 0]
