"""The gradient loss on mini-batches of a fit: which rows are neighbours, and w times eq. 9 of them.

Li et al. 2022 (DDPPO), eqs. 9, 10.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mbctl.algorithms.branched.settings import DdppoSettings
from mbctl.losses.directional_derivative import directional_derivative_loss
from mbctl.models.fit import TransitionData
from mbctl.models.neighbours import nearest
from mbctl.models.probabilistic_ensemble import ProbabilisticEnsemble
from mbctl.nn.forward_mode import projections


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
        settings: see `DdppoSettings`.
        generator: which directions are used, where not all are.
    """

    def __init__(
        self,
        model: ProbabilisticEnsemble,
        data: TransitionData,
        reward: Float[Tensor, "N"] | None,
        images: int,
        settings: DdppoSettings,
        generator: torch.Generator,
    ) -> None:
        self._model = model
        self._data = data
        self._reward = reward
        self._images = images
        self._settings = settings
        self._generator = generator
        self._rows: _Rows | None = None

    def begin(self, train: Int[Tensor, "N"]) -> None:
        """Find the neighbours among the newest of the rows with these numbers."""
        self._rows = self._find(train)

    def __call__(self, batch: Int[Tensor, "E B"]) -> Float[Tensor, ""]:
        """w R, summed over members, of as many rows that have neighbours as the mini-batch has.

        Not of its own rows: most of many are older than `neighbour_rows`, and w would fade.
        """
        count = len(self.rows.inputs)
        made = {"generator": self._generator, "device": batch.device}
        return self.of_rows(torch.randint(count, batch.shape, **made))

    def of_rows(self, numbers: Int[Tensor, "E B"]) -> Float[Tensor, ""]:
        """w R, summed over members, of rows by their numbers among those with neighbours."""
        rows, chosen = self.rows, self._chosen_directions(self.rows.near.shape[1])
        inputs, targets = rows.inputs[numbers], rows.targets[numbers]
        near = rows.near[numbers][..., chosen]
        projected = projections(self._mean, inputs, rows.inputs[near] - inputs[..., None, :])
        differences = rows.targets[near] - targets[..., None, :]
        loss = directional_derivative_loss(projected, differences, rows.kept[numbers][..., chosen])
        return self._settings.gradient_weight * loss.sum()

    @property
    def rows(self) -> "_Rows":
        assert self._rows is not None, "begin comes first"
        return self._rows

    def _mean(self, inputs: Tensor) -> Tensor:
        return self._model.network(inputs)[..., : self._model.target_dim]

    def _chosen_directions(self, count: int) -> Tensor:
        wanted, device = self._settings.directions_per_step, self.rows.near.device
        if wanted is None or wanted >= count:
            return torch.arange(count, device=device)
        return torch.randperm(count, generator=self._generator, device=device)[:wanted]

    @torch.no_grad()
    def _find(self, train: Tensor) -> "_Rows":
        model, data, settings = self._model, self._data, self._settings
        newest = _newest(train, len(data.physical) // self._images, settings.neighbour_rows)
        reward = None if self._reward is None else self._reward[newest]
        inputs = model.normalise(model.inputs(data.physical[newest], data.action[newest]))
        targets = model.standard_targets(data.difference[newest], reward)
        near = nearest(inputs, settings.neighbours)
        away = (inputs[near] - inputs[:, None]).square().mean(dim=-1).sqrt()
        radius = torch.inf if settings.neighbour_radius is None else settings.neighbour_radius
        return _Rows(inputs, targets, near, (away <= radius).float())

    @property
    def kept_share(self) -> float:
        """Share of row and neighbour pairs that count, once the fit has begun."""
        return 0.0 if self._rows is None else float(self._rows.kept.mean())


@dataclass(frozen=True)
class _Rows:
    """Standard inputs [N, I] and targets [N, D]; neighbours [N, n] and whether they count."""

    inputs: Tensor
    targets: Tensor
    near: Tensor
    kept: Tensor


def _newest(train: Tensor, rows: int, wanted: int) -> Tensor:
    """The `wanted` newest of the row numbers `train`; images of `rows` rows follow each other."""
    age = torch.argsort(train % rows, descending=True, stable=True)
    return train[age[: max(2, wanted)]]
