"""When a refit is due and which rows it uses: pure arithmetic, so that training is repeatable.

Refit number i (from 0) of the schedule uses exactly the first `initial + i * step` training rows.
A refit on demand stands for all scheduled ones whose rows it has used.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """An algorithm's pace.

    Attributes:
        initial_rows: training rows of the first refit.
        rows_per_refit: new rows between refits.
    """

    initial_rows: int
    rows_per_refit: int

    def next_rows(self, rows_used: int) -> int:
        """Rows of the next scheduled refit after one that used `rows_used` (0 for none)."""
        if rows_used < self.initial_rows:
            return self.initial_rows
        done = (rows_used - self.initial_rows) // self.rows_per_refit
        return self.initial_rows + (done + 1) * self.rows_per_refit


def samples_per_insert(samples: float, train_rows: int) -> float:
    """Rows drawn by all refits together, per training row stored; 0 when nothing was drawn."""
    return samples / train_rows if train_rows else 0.0


def samples_of(rows: int, metrics: dict[str, float]) -> float:
    """Rows that a refit drew: the algorithm's own count, or each row of its replay once."""
    return metrics.get("model_samples", float(rows))
