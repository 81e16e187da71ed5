"""The state value V(o) of a stochastic policy and its slow copy.

Haarnoja et al. 2018, Soft Actor-Critic, https://arxiv.org/abs/1801.01290: V beside Q.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.critics.slow_target import SlowTarget
from mbctl.nn.ensemble_mlp import EnsembleMLP


class SoftValue(SlowTarget):
    """V and its target network.

    Args:
        observation_dim: O.
        hidden: widths of the hidden layers.
        layer_norm: normalise hidden layers, which keeps many updates per row stable.
        generator: source of the initial weights.
    """

    def __init__(
        self,
        observation_dim: int,
        hidden: tuple[int, ...],
        layer_norm: bool,
        generator: torch.Generator,
    ) -> None:
        network = EnsembleMLP(1, (observation_dim, *hidden, 1), generator, layer_norm)
        super().__init__(network, observation_dim)

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

    def _of(self, network: EnsembleMLP, observation: Tensor) -> Tensor:
        return network(self.seen(observation)[None])[0, :, 0]
