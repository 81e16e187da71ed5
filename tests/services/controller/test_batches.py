"""Which indices a batch gets."""

import asyncio
from typing import Any

import pytest

from mbctl.data.chunk import INDEX_MAX
from services.controller.batches import BatchRequest, EpisodeOperations
from services.controller.events import EpisodeLog
from services.controller.tasks import BackgroundTasks
from services.errors import ServiceError
from services.operations import OperationStore


def start(behind: int, count: int, first_index: int | None) -> int:
    """The index that the control process is told to begin with."""
    told: list[int] = []

    async def perform(verb: str, **arguments: Any) -> None:
        told.append(arguments["first_index"])

    async def run() -> None:
        batches = EpisodeOperations(
            OperationStore(),
            EpisodeLog(),
            perform,
            lambda _: None,
            BackgroundTasks(),
            lambda _: behind,
            lambda *_: None,
        )
        await batches.start(BatchRequest(count, "train", True, first_index))

    asyncio.run(run())
    return told[0]


@pytest.mark.parametrize(("asked", "given"), [(None, 7), (7, 7), (9, 9)])
def test_a_batch_goes_on_or_skips(asked: int | None, given: int):
    assert start(7, 5, asked) == given


@pytest.mark.parametrize("asked", [0, 6])
def test_a_repeat_is_refused_with_what_would_be_right(asked: int):
    with pytest.raises(ServiceError, match="use 7 or more") as refused:
        start(7, 5, asked)
    assert refused.value.reason == "EPISODE_REPEATED"
    assert refused.value.metadata == {"next_index": "7"}


def test_where_no_index_is_left_nothing_is_repeated():
    assert start(INDEX_MAX - 5, 5, None) == INDEX_MAX - 5
    for behind in (INDEX_MAX - 4, INDEX_MAX + 1):
        with pytest.raises(ServiceError, match="another name"):
            start(behind, 5, None)
