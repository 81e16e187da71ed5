"""Calls about episodes while the disk keeps them waiting."""

import asyncio
import time
from typing import Any

from mbctl.data.chunk_store import ChunkStore
from protos import controller_pb2
from services.controller.servicers.episode import EpisodeServicer
from services.controller.spool import Spool

NOBODY: Any = None


def test_a_list_that_waits_for_the_disk_keeps_no_other_call_waiting(tmp_path):
    """An emergency stop may be among them."""
    store = ChunkStore(tmp_path / "spool.db")
    spool = Spool(store)
    servicer = EpisodeServicer(NOBODY, NOBODY, NOBODY, NOBODY, spool, NOBODY)

    async def scenario() -> None:
        with store._lock:  # as while rows are written
            request = controller_pb2.ListEpisodesRequest()
            listing = asyncio.create_task(servicer.ListEpisodes(request, NOBODY))
            begin = time.monotonic()
            await asyncio.sleep(0.05)
            assert time.monotonic() - begin < 5.0
            assert not listing.done()
        assert not (await listing).episodes

    asyncio.run(scenario())
    spool.close()
