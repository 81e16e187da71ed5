"""The replay gets exactly the rows that are named, however they come in chunks."""

import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mbctl.data.chunk_store import ChunkStore
from mbctl.data.layout import RowLayout
from mbctl.data.replay import Replay
from mbctl.data.replay_feed import MissingRowsError, ReplayFeed

Make = Callable[..., Any]


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    validity=st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=1, max_size=8),
    data=st.data(),
)
def test_any_stops_on_the_way_give_the_same_replay(
    tmp_path: Path, make_chunk: Make, layout: RowLayout, validity: list, data: st.DataObject
) -> None:
    path = tmp_path / f"{uuid.uuid4()}.db"
    expected, steps, chunks, first = [], [], [], 1
    with ChunkStore(path) as store:
        for number, flags in enumerate(validity):
            chunk = make_chunk(first, len(flags), first_step=10 * number)
            matrix = chunk.matrix.copy()
            matrix[:, layout.valid] = flags
            evaluates = data.draw(st.booleans())
            purpose = "evaluate" if evaluates else "train"
            changes = {"rows": matrix.tobytes(), "purpose": purpose, "first_step": 10 * number}
            chunks.append(make_chunk(first, len(flags), **changes))
            first += len(flags)
            if not evaluates:
                kept = np.flatnonzero(flags)
                expected.append(matrix[kept])
                steps.extend(10 * number + kept)
        store.append(chunks)
        rows = np.concatenate([np.empty((0, layout.width), "<f4"), *expected])
        stops = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
        replay = Replay(layout, None)
        feed = ReplayFeed(store, replay)
        for stop in stops:
            feed.advance_to(stop)
            assert np.array_equal(replay.rows, rows[:stop])
            assert list(replay.steps) == steps[:stop]
            assert feed.rows_sha256 == hashlib.sha256(rows[:stop].tobytes()).hexdigest()
        assert store.counts().train_rows == len(rows)
        with pytest.raises(MissingRowsError, match=f"asked for|holds {len(rows)} training rows"):
            feed.advance_to(len(rows) + 1)


def test_it_never_goes_back(tmp_path: Path, make_chunk: Make, layout: RowLayout) -> None:
    with ChunkStore(tmp_path / "a.db") as store:
        store.append([make_chunk(1)])
        feed = ReplayFeed(store, Replay(layout, None))
        feed.advance_to(3)
        with pytest.raises(MissingRowsError, match="took 3 rows, asked for 2"):
            feed.advance_to(2)
