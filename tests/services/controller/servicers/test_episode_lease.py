"""Episodes are begun under a lease that lives at that moment, not one that lived when asked for."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from hal.lifecycle import Lifecycle
from protos import controller_pb2
from services.controller.lease import LeaseBook
from services.controller.servicers.episode import EpisodeServicer
from services.errors import ServiceError


def test_a_lease_that_is_taken_over_while_the_disk_is_asked_begins_nothing():
    asked, answered = threading.Event(), threading.Event()
    begun: list[Any] = []

    def request(_request_id: str) -> None:
        asked.set()
        answered.wait(5)

    async def start(batch: Any) -> Any:
        begun.append(batch)
        raise AssertionError

    parts: Any = SimpleNamespace(
        request=request,
        refusal=None,
        start=start,
        lifecycle=Lifecycle.ACTIVE,
        check_reachable=lambda: None,
        current=1,
    )
    lease = LeaseBook(lambda _: None, lambda: 0)
    servicer = EpisodeServicer(parts, parts, parts, parts, parts, lease.check)

    async def scenario() -> None:
        mine = lease.acquire("one", 5.0, take=False)
        message = controller_pb2.RunEpisodesRequest(
            lease_token=mine.token, count=1, request_id="first"
        )
        context: Any = None
        running = asyncio.ensure_future(servicer.RunEpisodes(message, context))
        await asyncio.to_thread(asked.wait, 5)
        lease.acquire("other", 5.0, take=True)
        answered.set()
        with pytest.raises(ServiceError, match="lapsed or was taken over"):
            await running

    asyncio.run(scenario())
    assert begun == []
