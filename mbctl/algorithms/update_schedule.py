"""How many gradient steps rows are due, however they are divided into refits."""


def updates_due(rate: float, rows_per_refit: int, before: int, rows: int) -> int:
    """Gradient steps from `before` to `rows` rows; without new rows, those of one refit.

    Args:
        rate: gradient steps for each row.
        rows_per_refit: what a refit on demand without new rows stands for.
        before, rows: rows that had ever come, then and now.
    """
    if rows == before:
        return max(1, int(rate * rows_per_refit))
    return int(rate * rows) - int(rate * before)


def updates_due_after_first_rows(rate: float, rows_per_refit: int, before: int, rows: int) -> int:
    """The same, but the first rows, which fit the first model, are due those of one refit."""
    return updates_due(rate, rows_per_refit, before or rows, rows)
