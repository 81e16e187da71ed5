"""An objective whose sequences threads share: while torch computes, Python is free.

Worth it where cores are idle. Beside other work on all cores it gains nothing and loses little.
"""

from concurrent.futures import ThreadPoolExecutor

import torch
from jaxtyping import Float
from torch import Tensor

from mbctl.planners.dynamics import Dynamics
from mbctl.planners.objective import Objective, Scores


class SharedObjective:
    """Scores equal parts of the sequences at the same time.

    Args:
        objective: scores a part; it must not change while it does.
        threads: how many parts, and threads.
        multiple: of which the size of each part but the last is, so that a model that deals
            sequences to that many members deals them as in one thread.
    """

    def __init__(self, objective: Objective, threads: int, multiple: int = 1) -> None:
        if threads < 2:
            raise ValueError(f"{threads} threads have nothing to share; must be at least 2")
        self._objective = objective
        self._threads = threads
        self._multiple = multiple
        self._pool = ThreadPoolExecutor(threads - 1, "scoring")

    @property
    def model(self) -> Dynamics:
        return self._objective.model

    def score(
        self,
        physical: Float[Tensor, "P"],
        goal: Float[Tensor, "G"],
        actions: Float[Tensor, "H N A"],
    ) -> Scores:
        """As the objective itself would, but for rounding; this thread takes the first part."""
        parts = self._threads * self._multiple
        size = self._multiple * max(1, -(-actions.shape[1] // parts))
        first, *others = actions.split(size, dim=1)
        asked = [self._pool.submit(self._objective.score, physical, goal, o) for o in others]
        scores = [self._objective.score(physical, goal, first), *(a.result() for a in asked)]
        value, mean, apart = (
            torch.cat([getattr(one, name) for one in scores])
            for name in ("value", "mean_return", "disagreement")
        )
        return Scores(value, mean, apart)
