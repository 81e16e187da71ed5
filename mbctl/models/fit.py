"""Fit a deterministic ensemble: mini-batch Adam on the one-step error, warm-started."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.nn.units import Renewal


@dataclass(frozen=True)
class TransitionData:
    """Training tuples: physical state [N, P], applied action [N, A], difference [N, P], weight [N].

    `weight` is the relative chance of a row to be drawn into a mini-batch.
    """

    physical: Float[Tensor, "N P"]
    action: Float[Tensor, "N A"]
    difference: Float[Tensor, "N P"]
    weight: Float[Tensor, "N"]


class EnsembleFitter:
    """Keeps Adam's moments between fits, so that each fit goes on from the last.

    Args:
        model: the ensemble.
        learning_rate: Adam's.
        batch: mini-batch rows per member.
        generator: mini-batch order.
    """

    def __init__(
        self,
        model: DeterministicEnsemble,
        learning_rate: float,
        batch: int,
        generator: torch.Generator,
    ) -> None:
        self.model = model
        self.batch = batch
        self.generator = generator
        self.optimizer = torch.optim.Adam(model.network.parameters(), lr=learning_rate, fused=True)

    def fit(
        self, data: TransitionData, steps: int, progress: Callable[[int, float], None]
    ) -> float:
        """Take `steps` gradient steps; returns the mean loss of the last tenth of them.

        The loss is the squared error in units of the differences' scale, averaged over columns.
        """
        model = self.model
        renewal = Renewal(self.optimizer, self.generator)
        model.fit_statistics(data.physical, data.action, data.difference, renewal)
        inputs = model.normalise(model.inputs(data.physical, data.action))
        targets = data.difference / model.difference_scale
        recent = 0.0
        tail = max(1, steps // 10)
        for step in range(steps):
            rows = self._draw(data.weight)
            prediction = model.network(inputs[rows])
            # Summed over members: each one's gradient is that of its own mean squared error.
            loss = (prediction - targets[rows]).square().mean(dim=(1, 2)).sum()
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            if step >= steps - tail:
                recent += float(loss.detach()) / model.members / tail
            if step % 50 == 0:
                progress(step, float(loss.detach()) / model.members)
        return recent

    def _draw(self, weight: Tensor) -> Tensor:
        """Row numbers [E, batch], independent per member."""
        count = self.model.members * self.batch
        rows = torch.multinomial(weight, count, replacement=True, generator=self.generator)
        return rows.reshape(self.model.members, self.batch)
