"""Mini-batches that mix real transitions with imagined ones (Janner et al. 2019)."""

from dataclasses import fields

import torch

from mbctl.algorithms.transitions import Transitions, TransitionSource


class MixedSource:
    """Draws a fixed share of every mini-batch from one source, the rest from another.

    Args:
        real, imagined: the sources.
        real_share: of each batch, rounded to whole rows.
    """

    def __init__(
        self, real: TransitionSource, imagined: TransitionSource, real_share: float
    ) -> None:
        self._real = real
        self._imagined = imagined
        self._real_share = real_share

    def real_rows(self, count: int) -> int:
        """How many of `count` rows are real."""
        return round(self._real_share * count)

    def draw(self, count: int, generator: torch.Generator) -> Transitions:
        """`count` transitions, the real ones first."""
        real = self.real_rows(count)
        if real == count:
            return self._real.draw(count, generator)
        if real == 0:
            return self._imagined.draw(count, generator)
        first = self._real.draw(real, generator)
        rest = self._imagined.draw(count - real, generator)

        pairs = ((getattr(first, f.name), getattr(rest, f.name)) for f in fields(Transitions))
        return Transitions(*(torch.cat(pair) for pair in pairs))
