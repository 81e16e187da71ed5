"""What the database of a run tells of its training, also of sessions before this one."""

import contextlib
import math
from dataclasses import dataclass
from pathlib import Path

from mbctl.data.chunk_store import ChunkStore
from mbctl.data.sqlite import StoreError, connect, named_errors


@dataclass(frozen=True)
class PastEpisode:
    """How an episode ended."""

    success: bool
    episode_return: float


def last_train_episodes(database: Path, robot: str, count: int) -> list[PastEpisode]:
    """The last `count` training episodes of `robot`, in the order in which they were run.

    Raises:
        StoreError: the database cannot be read.
    """
    query = (
        "SELECT success, episode_return FROM episodes WHERE robot = ? AND purpose = 'train' "
        "ORDER BY chunk_id DESC LIMIT ?"
    )
    with (
        contextlib.closing(connect(database, read_only=True)) as connection,
        named_errors(database),
    ):
        found = connection.execute(query, (robot, count)).fetchall()
    return [
        PastEpisode(bool(success), math.nan if value is None else value)
        for success, value in reversed(found)
    ]


def train_rows(database: Path) -> int:
    """Valid rows of training episodes stored; 0 where there is no database that can be read."""
    try:
        with ChunkStore(database, read_only=True) as store:
            return store.counts().train_rows
    except StoreError:
        return 0
