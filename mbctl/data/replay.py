"""Replay: one row matrix in memory, rebuilt from the database, the oldest rows dropped first."""

import numpy as np
from numpy.typing import NDArray

from mbctl.data.layout import RowLayout, Rows


class Replay:
    """Rows in the order in which they came, up to a capacity.

    Args:
        layout: the rows' columns.
        capacity: rows kept; None keeps all.
    """

    def __init__(self, layout: RowLayout, capacity: int | None) -> None:
        if capacity is not None and capacity < 1:
            raise ValueError(f"replay capacity {capacity}, must be at least 1")
        self.layout = layout
        self.capacity = capacity
        self.total = 0  # rows ever appended
        self._store = np.empty((1024, layout.width), dtype=np.float32)
        self._step_store = np.empty(1024, dtype=np.int64)
        self._begin = 0
        self._end = 0

    def __len__(self) -> int:
        return self._end - self._begin

    @property
    def rows(self) -> Rows:
        """View of the kept rows, [N, width], oldest first; valid until the next append."""
        return self._store[self._begin : self._end]

    @property
    def steps(self) -> NDArray[np.int64]:
        """View of the kept rows' steps within their episodes, [N]; 0 marks an episode's start."""
        return self._step_store[self._begin : self._end]

    def append(self, rows: Rows, steps: NDArray[np.int64]) -> None:
        """Append [N, width] rows with their [N] steps within their episodes.

        Raises:
            ValueError: the width is not the layout's, or the counts differ.
        """
        if rows.ndim != 2 or rows.shape[1] != self.layout.width:
            raise ValueError(f"rows of shape {rows.shape}, expected [N, {self.layout.width}]")
        if steps.shape != (len(rows),):
            raise ValueError(f"steps of shape {steps.shape} for {len(rows)} rows")
        self.total += len(rows)
        self._make_room(len(rows))
        self._store[self._end : self._end + len(rows)] = rows
        self._step_store[self._end : self._end + len(rows)] = steps
        self._end += len(rows)
        if self.capacity is not None:
            self._begin = max(self._begin, self._end - self.capacity)

    def _make_room(self, count: int) -> None:
        if self._end + count <= len(self._store):
            return
        kept, kept_steps = self.rows, self.steps
        size = max(1024, 2 * (len(kept) + count))
        store = np.empty((size, self.layout.width), dtype=np.float32)
        step_store = np.empty(size, dtype=np.int64)
        store[: len(kept)], step_store[: len(kept)] = kept, kept_steps
        self._store, self._step_store = store, step_store
        self._begin, self._end = 0, len(kept)
