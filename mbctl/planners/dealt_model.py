"""An ensemble whose members share the sequences among them, so that each is rolled in a few only.

PETS (Chua et al. 2018, https://arxiv.org/abs/1805.12114, section 5.1, TS-infinity) keeps a particle
in one member for the whole of a plan, and so does this: row i is rolled in members i, i + 1, ...
i + K - 1 modulo E. A plan takes a K/E-th of the products, and single members are trusted more.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from mbctl.planners.dynamics import Dynamics


class DealtModel:
    """K of E members for each row; a `Dynamics` with K members.

    Args:
        model: has the E members.
        members: K.

    Raises:
        ValueError: K is not from 1 to E.
    """

    def __init__(self, model: Dynamics, members: int) -> None:
        if not 1 <= members <= model.members:
            raise ValueError(
                f"members_per_sequence is {members}, but the model has {model.members} members: "
                f"must be 1 to {model.members}, or 0 for all"
            )
        self._model = model
        self._members = members

    @property
    def members(self) -> int:
        return self._members

    def predict(
        self, physical: Float[Tensor, "K N P"], action: Float[Tensor, "K N A"]
    ) -> Float[Tensor, "K N P"]:
        """Next physical states; row i has the same members at each call."""
        after = self._model.predict(self._dealt(physical), self._dealt(action))
        return self._gathered(after, physical.shape[1])

    def _dealt(self, rows: Tensor) -> Float[Tensor, "E M C"]:
        """What each member gets: rows of K groups, filled up with zeros to equal shares."""
        dealt, count, width = rows.shape
        spare = -count % self._model.members
        full = functional.pad(rows, (0, 0, 0, spare))
        groups = full.reshape(dealt, -1, self._model.members, width).permute(0, 2, 1, 3)
        return torch.cat([group.roll(k, dims=0) for k, group in enumerate(groups)], dim=1)

    def _gathered(self, rows: Float[Tensor, "E M C"], count: int) -> Float[Tensor, "K N C"]:
        """Undo `_dealt`."""
        shares = rows.chunk(self._members, dim=1)
        groups = torch.stack([share.roll(-k, dims=0) for k, share in enumerate(shares)])
        return groups.transpose(1, 2).flatten(1, 2)[:, :count]
