"""Two action values Q(o, a) and their slow copies, as one batched network each.

Fujimoto, van Hoof, Meger 2018, https://arxiv.org/abs/1802.09477: the smaller of two is used,
against overestimation.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.critics.slow_target import SlowTarget
from mbctl.nn.ensemble_mlp import EnsembleMLP

TWINS = 2


class TwinQ(SlowTarget):
    """Q_1, Q_2 and their target networks.

    Args:
        observation_dim, action_dim: O and A.
        hidden: widths of the hidden layers.
        layer_norm: normalise hidden layers, which keeps many updates per row stable.
        generator: source of the initial weights.
    """

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        hidden: tuple[int, ...],
        layer_norm: bool,
        generator: torch.Generator,
    ) -> None:
        sizes = (observation_dim + action_dim, *hidden, 1)
        network = EnsembleMLP(TWINS, sizes, generator, layer_norm)
        super().__init__(network, observation_dim)

    def values(
        self, observation: Float[Tensor, "B O"], action: Float[Tensor, "B A"]
    ) -> Float[Tensor, "2 B"]:
        """Q_1 and Q_2, differentiable by the parameters and by the action."""
        return self._of(self.network, observation, action)

    @torch.no_grad()
    def target_values(
        self, observation: Float[Tensor, "B O"], action: Float[Tensor, "B A"]
    ) -> Float[Tensor, "2 B"]:
        """Both target networks' values."""
        return self._of(self.target, observation, action)

    def target_minimum(
        self, observation: Float[Tensor, "B O"], action: Float[Tensor, "B A"]
    ) -> Float[Tensor, "B"]:
        """The smaller of both target networks' values."""
        first, second = self.target_values(observation, action)
        return torch.minimum(first, second)

    def minimum_for_actor(
        self, observation: Float[Tensor, "B O"], action: Float[Tensor, "B A"]
    ) -> Float[Tensor, "B"]:
        """min(Q_1, Q_2), differentiable by the action alone: no gradient is spent on weights."""
        self.network.requires_grad_(False)
        try:
            first, second = self._of(self.network, observation, action)
        finally:
            self.network.requires_grad_(True)
        return torch.minimum(first, second)

    def _of(self, network: EnsembleMLP, observation: Tensor, action: Tensor) -> Tensor:
        inputs = torch.cat([self.seen(observation), action], dim=-1)
        return network(inputs.expand(TWINS, *inputs.shape))[..., 0]
