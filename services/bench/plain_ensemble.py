"""Ensemble training as it is usually written: a Python loop over members, each with its own Adam.

The same loss on the same mini-batches as mbctl.models.fit; it is the baseline.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mbctl.models.deterministic_ensemble import DeterministicEnsemble
from mbctl.models.fit import TransitionData
from mbctl.nn.ensemble_mlp import EnsembleMLP


class PlainEnsemble:
    """One nn.Sequential and one plain Adam per member, starting from `model`'s weights."""

    def __init__(self, model: DeterministicEnsemble, learning_rate: float) -> None:
        self._model = model
        self.members = sequential_members(model.network, nn.ReLU)
        self._optimizers = [
            torch.optim.Adam(member.parameters(), lr=learning_rate, foreach=False, fused=False)
            for member in self.members
        ]

    def fit(
        self, data: TransitionData, steps: int, batch: int, generator: torch.Generator
    ) -> list[float]:
        """Take `steps` steps; returns each member's loss in the last one."""
        model = self._model
        model.fit_statistics(data.physical, data.action, data.difference)
        inputs = model.normalise(model.inputs(data.physical, data.action))
        targets = data.difference / model.difference_scale
        losses: list[Tensor] = []
        for _ in range(steps):
            count = len(self.members) * batch
            drawn = torch.multinomial(data.weight, count, replacement=True, generator=generator)
            losses = [
                self._step(number, inputs[rows], targets[rows])
                for number, rows in enumerate(drawn.reshape(-1, batch))
            ]
        return [float(loss.detach()) for loss in losses]

    def _step(self, number: int, inputs: Tensor, targets: Tensor) -> Tensor:
        loss = nn.functional.mse_loss(self.members[number](inputs), targets)
        self._optimizers[number].zero_grad()
        loss.backward()
        self._optimizers[number].step()
        return loss


def sequential_members(
    network: EnsembleMLP, activation: Callable[[], nn.Module]
) -> list[nn.Sequential]:
    """Each member as a network of its own, with copies of its weights."""
    return [_member(network, number, activation) for number in range(network.members)]


def _member(
    network: EnsembleMLP, number: int, activation: Callable[[], nn.Module]
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        linear = nn.Linear(weight.shape[1], weight.shape[2])
        with torch.no_grad():
            linear.weight.copy_(weight[number].T)
            linear.bias.copy_(bias[number, 0])
        layers += [linear, activation()]
    return nn.Sequential(*layers[:-1])
