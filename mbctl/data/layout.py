"""The one row layout: spool, wire chunk, database blob and replay matrix hold the same rows.

A row is float32 `[observation | action | reward | next_observation | terminated | truncated |
valid]`. `action` is what was applied, after the safety gate; `valid` is 0 for a step with a failed
or stale read, and such a row never trains a model.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]  # [N, width]


@dataclass(frozen=True)
class RowLayout:
    """Names the columns of a row.

    Attributes:
        observation_names: the O observation columns in order.
        action_names: the A action columns in order.
    """

    observation_names: tuple[str, ...]
    action_names: tuple[str, ...]

    @property
    def observation_dim(self) -> int:
        return len(self.observation_names)

    @property
    def action_dim(self) -> int:
        return len(self.action_names)

    @property
    def width(self) -> int:
        return 2 * self.observation_dim + self.action_dim + 4

    @property
    def row_bytes(self) -> int:
        return 4 * self.width

    @cached_property
    def observation(self) -> slice:
        return slice(0, self.observation_dim)

    @cached_property
    def action(self) -> slice:
        return slice(self.observation_dim, self.observation_dim + self.action_dim)

    @cached_property
    def reward(self) -> int:
        return self.observation_dim + self.action_dim

    @cached_property
    def next_observation(self) -> slice:
        return slice(self.reward + 1, self.reward + 1 + self.observation_dim)

    @cached_property
    def terminated(self) -> int:
        return self.width - 3

    @cached_property
    def truncated(self) -> int:
        return self.width - 2

    @cached_property
    def valid(self) -> int:
        return self.width - 1

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the ordered column names; peers compare it once per stream."""
        columns = {
            "observation": self.observation_names,
            "action": self.action_names,
            "rest": ["reward", "next_observation", "terminated", "truncated", "valid"],
        }
        return hashlib.sha256(json.dumps(columns, sort_keys=True).encode()).hexdigest()

    def rows_from_bytes(self, data: bytes, row_count: int) -> Rows:
        """View `data` as [row_count, width].

        Raises:
            ValueError: the byte count is not row_count x width x 4.
        """
        expected = row_count * self.row_bytes
        if row_count < 0 or len(data) != expected:
            raise ValueError(
                f"{len(data)} bytes of rows, expected {expected} "
                f"({row_count} rows of {self.width} float32 columns)"
            )
        return np.frombuffer(data, dtype="<f4").reshape(row_count, self.width)
