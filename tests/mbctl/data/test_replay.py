"""Replay against a plain list of rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbctl.data.layout import RowLayout
from mbctl.data.replay import Replay

LAYOUT = RowLayout(("a", "b"), ("c",))


@given(
    capacity=st.one_of(st.none(), st.integers(1, 3000)),
    sizes=st.lists(st.integers(0, 1500), max_size=8),
)
def test_keeps_the_newest_rows_in_order(capacity, sizes):
    replay = Replay(LAYOUT, capacity)
    expected: list[int] = []
    for size in sizes:
        begin = len(expected)
        rows = np.zeros((size, LAYOUT.width), dtype=np.float32)
        rows[:, 0] = np.arange(begin, begin + size)
        replay.append(rows, np.arange(size))
        expected += range(begin, begin + size)
    kept = expected if capacity is None else expected[-capacity:]
    assert replay.total == len(expected)
    assert len(replay) == len(kept) == len(replay.steps)
    assert replay.rows[:, 0].tolist() == kept


def test_refuses_rows_of_another_width_and_counts_that_differ():
    replay = Replay(LAYOUT, 10)
    with pytest.raises(ValueError, match=r"expected \[N, 9\]"):
        replay.append(np.zeros((2, 5), dtype=np.float32), np.arange(2))
    with pytest.raises(ValueError, match="for 2 rows"):
        replay.append(np.zeros((2, LAYOUT.width), dtype=np.float32), np.arange(3))
    with pytest.raises(ValueError, match="capacity 0"):
        Replay(LAYOUT, 0)
