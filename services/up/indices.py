"""What a run's database holds: where its episode sequences go on, how many rows it learns from."""

import contextlib
import re
from pathlib import Path

from mbctl.data.chunk_store import ChunkStore
from mbctl.data.sqlite import StoreError, connect, named_errors

_INDEX = re.compile(r"(\d+)$")


def next_index(database: Path, robot: str, purpose: str) -> int:
    """The first index of `purpose` ("train" or "evaluate") that no stored chunk of `robot` has.

    Episodes that were cut short count: an index is never run twice.

    Raises:
        StoreError: the database cannot be read.
    """
    query = "SELECT DISTINCT episode_id FROM chunks WHERE robot = ? AND purpose = ?"
    with (
        contextlib.closing(connect(database, read_only=True)) as connection,
        named_errors(database),
    ):
        found = connection.execute(query, (robot, purpose)).fetchall()
    return max((_index_of(episode_id) for (episode_id,) in found), default=-1) + 1


def train_rows(database: Path) -> int:
    """Valid rows of training episodes stored; 0 where there is no database that can be read."""
    try:
        with ChunkStore(database, read_only=True) as store:
            return store.counts().train_rows
    except StoreError:
        return 0


def _index_of(episode_id: str) -> int:
    match = _INDEX.search(episode_id)
    if match is None:
        raise ValueError(f"episode id {episode_id!r} does not end in its index")
    return int(match[1])
