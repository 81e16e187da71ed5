"""State value V(o, t) as a baseline: regressed on the returns of imagined rollouts."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mbctl.nn.ensemble_mlp import EnsembleMLP


class ValueFunction(nn.Module):
    """MLP on the observation and the step's share of the episode.

    Returns are predicted in units of their deviation at the last fit; what was learned before
    grows or shrinks with it.

    Args:
        observation_dim: O.
        hidden: widths of the hidden layers.
        learning_rate, weight_decay: Adam's.
        generator: initial weights and mini-batch order.
    """

    def __init__(
        self,
        observation_dim: int,
        hidden: tuple[int, ...],
        learning_rate: float,
        weight_decay: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.network = EnsembleMLP(1, (observation_dim + 1, *hidden, 1), generator)
        self.generator = generator
        self.scale: Tensor = nn.Buffer(torch.ones((), device=generator.device))
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True
        )

    @torch.no_grad()
    def predict(self, inputs: Float[Tensor, "B I"]) -> Float[Tensor, "B"]:
        """Values of rows [observation | time share]."""
        return self.network(inputs[None])[0, :, 0] * self.scale

    def fit(
        self,
        inputs: Float[Tensor, "B I"],
        returns: Float[Tensor, "B"],
        epochs: int,
        batch: int,
        progress: Callable[[], None] = lambda: None,
    ) -> float:
        """Regress on `returns`; gives the share of their variance left unexplained before."""
        before = self.predict(inputs)
        variance = returns.var(correction=0)
        unexplained = float((returns - before).var(correction=0) / (variance + 1e-8))
        # At least a tenth of their size: a spread near 0 would make of returns that are all alike
        # targets beyond any network's reach.
        size = returns.square().mean().sqrt()
        self.scale = torch.maximum(variance.sqrt(), 0.1 * size) + 1e-6
        targets = returns / self.scale
        for _ in range(epochs):
            order = torch.randperm(len(inputs), generator=self.generator, device=inputs.device)
            for rows in order.split(batch):
                prediction = self.network(inputs[rows][None])[0, :, 0]
                loss = functional.mse_loss(prediction, targets[rows])
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                self.optimizer.step()
            progress()
        return unexplained
