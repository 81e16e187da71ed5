"""The gradient loss on mini-batches of a fit: which rows are neighbours, and w times eq. 9 of them.

Li et al. 2022 (DDPPO), eqs. 9, 10.
"""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mbctl.losses.directional_derivative import directional_derivative_loss
from mbctl.models.fit import TransitionData
from mbctl.models.neighbours import nearest
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.nn.forward_mode import projections


@runtime_checkable
class SlopeSettings(Protocol):
    """The settings that the penalty reads."""

    @property
    def gradient_weight(self) -> float: ...
    @property
    def neighbours(self) -> int: ...
    @property
    def neighbour_rows(self) -> int: ...
    @property
    def neighbour_radius(self) -> float | None: ...
    @property
    def directions_per_step(self) -> int | None: ...


class SlopePenalty:
    """w R of mini-batches of one fit, to be added to its loss.

    Everything is in the model's standard units, those that the fit begins with: differences of
    inputs, in which angles are periodic features, and of targets. So a neighbour is near in what
    the model sees, and no column of the output owns the loss.

    Args:
        model: the gradient model.
        data: what is fitted to.
        reward: [N], None where the model does not learn it.
        images: how many images of the same rows `data` holds, one set after the other.
        settings: see `SlopeSettings`.
        generator: which directions are used, where not all are.
    """

    def __init__(
        self,
        model: ProbabilisticEnsemble,
        data: TransitionData,
        reward: Float[Tensor, "N"] | None,
        images: int,
        settings: SlopeSettings,
        generator: torch.Generator,
    ) -> None:
        self._model = model
        self._data = data
        self._reward = reward
        self._images = images
        self._settings = settings
        self._generator = generator
        self._rows: _Rows | None = None

    def __call__(self, batch: Int[Tensor, "E B"]) -> Float[Tensor, ""]:
        """w R of the rows with these numbers, summed over members."""
        if self._rows is None:  # only now does the model have this fit's units
            self._rows = self._find()
        rows, chosen = self._rows, self._chosen_directions(self._rows.neighbour.shape[1])
        inputs, targets = rows.inputs[batch], rows.targets[batch]
        near = rows.neighbour[batch][..., chosen]
        projected = projections(self._mean, inputs, rows.inputs[near] - inputs[..., None, :])
        differences = rows.targets[near] - targets[..., None, :]
        loss = directional_derivative_loss(projected, differences, rows.kept[batch][..., chosen])
        return self._settings.gradient_weight * loss.sum()

    def _mean(self, inputs: Tensor) -> Tensor:
        return self._model.network(inputs)[..., : self._model.target_dim]

    def _chosen_directions(self, count: int) -> Tensor:
        wanted = self._settings.directions_per_step
        if wanted is None or wanted >= count:
            return torch.arange(count)
        return torch.randperm(count, generator=self._generator)[:wanted]

    @torch.no_grad()
    def _find(self) -> "_Rows":
        model, data, settings = self._model, self._data, self._settings
        inputs = model.normalise(model.inputs(data.physical, data.action))
        targets = model.standard_targets(data.difference, self._reward)
        newest = _newest(len(inputs), self._images, settings.neighbour_rows)
        near = newest[nearest(inputs[newest], settings.neighbours)]
        away = inputs[near] - inputs[newest][:, None]
        radius = torch.inf if settings.neighbour_radius is None else settings.neighbour_radius
        neighbour = torch.zeros(len(inputs), near.shape[1], dtype=torch.long)
        kept = torch.zeros(len(inputs), near.shape[1])
        neighbour[newest] = near
        kept[newest] = (away.square().mean(dim=-1).sqrt() <= radius).float()
        return _Rows(inputs, targets, neighbour, kept)

    @property
    def kept_share(self) -> float:
        """Share of row and neighbour pairs that count, once the first mini-batch has come."""
        return 0.0 if self._rows is None else float(self._rows.kept.mean())


class _Rows:
    """Standard inputs [N, I] and targets [N, D]; neighbours [N, n] and whether they count."""

    def __init__(self, inputs: Tensor, targets: Tensor, neighbour: Tensor, kept: Tensor) -> None:
        self.inputs = inputs
        self.targets = targets
        self.neighbour = neighbour
        self.kept = kept


def _newest(count: int, images: int, wanted: int) -> Tensor:
    """Numbers of the `wanted` newest of `count` rows, where images come one set after the other."""
    rows = count // images
    first = max(0, rows - max(2, wanted // images))
    return (rows * torch.arange(images)[:, None] + torch.arange(first, rows)).flatten()
