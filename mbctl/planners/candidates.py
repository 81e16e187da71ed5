"""Action sequences with their scores, and picking among them."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.planners.objective import Scores


@dataclass(frozen=True)
class Candidates:
    """N scored sequences [H, N, A]."""

    actions: Float[Tensor, "H N A"]
    scores: Scores

    def __len__(self) -> int:
        return self.actions.shape[1]

    def top(self, count: int) -> "Candidates":
        """The `count` best, best first; fewer when fewer are finite."""
        value = self.scores.value
        finite = int(value.isfinite().sum())
        return self._rows(value.topk(min(count, finite)).indices)

    def joined(self, other: "Candidates") -> "Candidates":
        """These and the others."""
        pairs = [
            (getattr(self.scores, name), getattr(other.scores, name))
            for name in ("value", "mean_return", "disagreement")
        ]
        scores = Scores(*(torch.cat(pair) for pair in pairs))
        return Candidates(torch.cat([self.actions, other.actions], dim=1), scores)

    def _rows(self, rows: Tensor) -> "Candidates":
        old = self.scores
        scores = Scores(old.value[rows], old.mean_return[rows], old.disagreement[rows])
        return Candidates(self.actions[:, rows], scores)
