"""Rows that go on under a new spool id, and what is known of where they come from."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mbctl.data.chunk import ChunkRecord
from mbctl.data.chunk_store import ChunkStore
from mbctl.data.spool_ledger import Parent, SpoolLedger


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChunkStore]:
    with ChunkStore(tmp_path / "rows.db") as opened:
        yield opened


def test_a_spool_that_began_by_itself_has_no_parent(store: ChunkStore):
    assert SpoolLedger(store).parent(store.own_spool_id()) is None


def test_rows_go_on_under_a_new_id_that_names_its_parent(
    store: ChunkStore, make_chunk: Callable[..., ChunkRecord]
):
    ledger, first = SpoolLedger(store), store.own_spool_id()
    store.append([make_chunk(n, spool_id=first) for n in (1, 5, 9)])
    assert ledger.boundaries(first) == [5, 9, 13]
    second = ledger.continue_from(first, 5, "the trainer has others")
    assert store.own_spool_id() == second != first
    assert ledger.parent(second) == Parent(first, 5, 4, "the trainer has others")
    assert ledger.boundaries(first) == [5]
    assert ledger.boundaries(second) == [5, 9]
    third = ledger.continue_from(second, 9, "and others again")
    assert ledger.parent(third) == Parent(second, 9, 12, "and others again")
    assert ledger.boundaries(third) == []
