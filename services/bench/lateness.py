"""Lateness of a loop's cycles, from the stamps in the rows it made.

The loop's own statistics begin with its very first cycle, which is late by all that a start takes.
Rows exist from the first step of the first episode on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from services.ipc.row_message import RowMessage


@dataclass(frozen=True)
class Lateness:
    """Of consecutive steps within episodes.

    Attributes:
        us: measurement after its deadline, microseconds.
        overruns: cycles whose command left a period or more after their deadline.
    """

    us: NDArray[np.float64]
    overruns: int

    def percentile(self, q: float) -> float:
        return float(np.percentile(self.us, q))


def lateness_of(rows: Sequence[RowMessage], period_ns: int, median_us: float) -> Lateness:
    """Hold each measurement against its deadline, the first on the grid after the last command.

    The loop skips deadlines that pass while it works, so that is the one it waited for.

    Args:
        rows: oldest first.
        median_us: the loop's own median lateness, which fixes where its grid lies: a median does
            not mind a late first cycle.

    Raises:
        ValueError: there are no two consecutive steps.
    """
    observed = np.array([row.observation_ns for row in rows], dtype=np.int64)
    commanded = np.array([row.command_ns for row in rows], dtype=np.int64)
    follows = np.array(
        [b.step == a.step + 1 and b.episode_id == a.episode_id for a, b in pairwise(rows)],
        dtype=bool,
    )
    if not follows.any():
        raise ValueError(f"no two consecutive steps in {len(rows)} rows")
    grid = _grid_point(observed, period_ns, median_us)
    behind = -((commanded[:-1] - grid) // -period_ns)  # rounded up
    deadline = (grid + behind * period_ns)[follows]
    late_ns = observed[1:][follows] - deadline
    done_ns = commanded[1:][follows] - deadline
    return Lateness(late_ns / 1e3, int((done_ns >= period_ns).sum()))


def _grid_point(observed: NDArray[np.int64], period_ns: int, median_us: float) -> int:
    """A deadline: where most measurements lie within the period, less their median lateness."""
    first, half = int(observed[0]), period_ns // 2
    offset = (observed - first + half) % period_ns - half
    return first + int(np.median(offset)) - round(median_us * 1e3)
