"""A probabilistic ensemble's training as it is usually written: a loop over members.

The same loss on mini-batches of the size that mbctl.models.fit_probabilistic has; the baseline.
"""

import torch
from torch import Tensor, nn

from mbctl.losses.gaussian_nll import gaussian_nll
from mbctl.models.fit import TransitionData
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble, soft_clamp
from services.bench.plain_ensemble import sequential_members


class PlainProbabilistic:
    """One nn.Sequential and one plain Adam per member, starting from `model`'s weights."""

    def __init__(self, model: ProbabilisticEnsemble, learning_rate: float) -> None:
        self._model = model
        self.members = sequential_members(model.network, nn.SiLU)
        self._optimizers = [
            torch.optim.Adam(member.parameters(), lr=learning_rate, foreach=False, fused=False)
            for member in self.members
        ]

    def fit(
        self, data: TransitionData, steps: int, batch: int, generator: torch.Generator
    ) -> list[float]:
        """Take `steps` steps; returns each member's loss in the last one."""
        model = self._model
        model.fit_statistics(data.physical, data.action, data.difference, None)
        inputs = model.normalise(model.inputs(data.physical, data.action))
        targets = model.standard_targets(data.difference, None)
        losses = [0.0] * len(self.members)
        for _ in range(steps):
            for number in range(len(self.members)):
                rows = torch.randperm(len(inputs), generator=generator)[:batch]
                losses[number] = self._step(number, inputs[rows], targets[rows])
        return losses

    def _step(self, number: int, inputs: Tensor, targets: Tensor) -> float:
        model = self._model
        mean, raw = self.members[number](inputs).chunk(2, dim=-1)
        low, high = model.min_log_variance.detach(), model.max_log_variance.detach()
        log_variance = soft_clamp(raw, low, high)
        loss = gaussian_nll(mean[None], log_variance[None], targets[None])[0]
        self._optimizers[number].zero_grad()
        loss.backward()
        self._optimizers[number].step()
        return float(loss.detach())
