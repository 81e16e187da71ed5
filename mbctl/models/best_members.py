"""Early stopping for an ensemble trained as one: each member goes back to its own best weights."""

import torch
from jaxtyping import Float
from torch import Tensor


class BestMembers:
    """The best weights that each of E members has had.

    Args:
        parameters: the network's, each with members as first axis.
        members: E.

    Attributes:
        score: [E] each member's lowest so far; infinite before the first.
    """

    def __init__(self, parameters: list[torch.nn.Parameter], members: int) -> None:
        self.score = torch.full((members,), torch.inf, device=parameters[0].device)
        self._parameters = parameters
        self._kept = [p.detach().clone() for p in parameters]
        self._mark = self.score.clone()  # what a gain is measured from

    @torch.no_grad()
    def take(self, score: Float[Tensor, "E"], gain: float, relative: bool) -> bool:
        """Keep weights of members at their lowest score.

        Returns:
            Whether any member has gained more than `gain` over its score at its last gain: as a
            share of that score if `relative`, in its unit otherwise.
        """
        better = score < self.score
        for kept, parameter in zip(self._kept, self._parameters, strict=True):
            kept[better] = parameter[better]
        self.score = torch.where(better, score, self.score)
        unit = self._mark.abs() if relative else torch.ones_like(score)
        gained = torch.isinf(self._mark) | (self._mark - score > gain * unit)
        self._mark = torch.where(gained, score, self._mark)
        return bool(gained.any())

    @torch.no_grad()
    def restore(self) -> None:
        """Put each member's best weights back."""
        for kept, parameter in zip(self._kept, self._parameters, strict=True):
            parameter.copy_(kept)
