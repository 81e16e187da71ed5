"""Episode events: numbered, resumable, with a count of what a slow reader missed."""

import asyncio

from mbctl.data.chunk import EpisodeSummary
from services.controller.events import EpisodeLog


def _episode(index: int) -> EpisodeSummary:
    return EpisodeSummary(
        episode_id=f"t{index:08d}",
        robot="dclaw0",
        task="dclaw-turn-random",
        purpose="train",
        index=index,
        policy_version=1,
        steps=40,
        episode_return=-1.0,
        success=False,
        end_reason="TRUNCATED",
        start_wall_ns=1,
        clipped_steps=0,
    )


async def _read(log: EpisodeLog, after: int, count: int) -> list[tuple[int, int]]:
    found = []
    async for event in log.watch(after):
        found.append((event.number, event.skipped))
        if len(found) == count:
            return found
    raise AssertionError("watch ended")


def test_a_watcher_resumes_after_the_number_it_saw():
    async def scenario():
        log = EpisodeLog()
        for index in range(5):
            log.append("finished", _episode(index))
        return await _read(log, 2, 3)

    assert asyncio.run(scenario()) == [(3, 0), (4, 0), (5, 0)]


def test_a_watcher_waits_for_what_is_to_come():
    async def scenario():
        log = EpisodeLog()
        reader = asyncio.create_task(_read(log, 0, 2))
        await asyncio.sleep(0.01)
        log.append("started", _episode(0))
        await asyncio.sleep(0.01)
        log.append("finished", _episode(0))
        return await asyncio.wait_for(reader, 5)

    assert asyncio.run(scenario()) == [(1, 0), (2, 0)]


def test_a_slow_reader_is_told_how_many_it_missed():
    async def scenario():
        log = EpisodeLog(kept=3)
        for index in range(10):
            log.append("finished", _episode(index))
        return await _read(log, 2, 3)

    assert asyncio.run(scenario()) == [(8, 5), (9, 0), (10, 0)]


def test_a_number_from_an_earlier_life_starts_at_the_oldest_kept():
    async def scenario():
        log = EpisodeLog()
        log.append("finished", _episode(0))
        return await _read(log, 700, 1)

    assert asyncio.run(scenario()) == [(1, 0)]
