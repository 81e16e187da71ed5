"""Episode events by number, kept so that a watcher can resume where it stopped."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Literal

from mbctl.data.chunk import EpisodeSummary

KEPT = 4096


@dataclass(frozen=True)
class EpisodeEvent:
    """One numbered event; `skipped` counts the events between it and the last one delivered."""

    number: int
    kind: Literal["started", "finished"]
    episode: EpisodeSummary
    skipped: int = 0


class EpisodeLog:
    """The last KEPT events of this controller's life, numbered from 1.

    Args:
        tell: is handed each event, and returns at once.
    """

    def __init__(
        self, tell: Callable[[EpisodeEvent], None] = lambda _: None, kept: int = KEPT
    ) -> None:
        self._tell = tell
        self._events: deque[EpisodeEvent] = deque(maxlen=kept)
        self._number = 0
        self._changed = asyncio.Condition()
        self._notices: set[asyncio.Task[None]] = set()

    @property
    def newest(self) -> int:
        return self._number

    def finished(self) -> list[EpisodeSummary]:
        """The finished episodes still kept, oldest first."""
        return [event.episode for event in self._events if event.kind == "finished"]

    def append(self, kind: Literal["started", "finished"], episode: EpisodeSummary) -> None:
        """Number an event and wake the watchers; call in the event loop."""
        self._number += 1
        event = EpisodeEvent(self._number, kind, episode)
        self._events.append(event)
        self._tell(event)
        notice = asyncio.get_running_loop().create_task(self._notify())
        self._notices.add(notice)
        notice.add_done_callback(self._notices.discard)

    async def watch(self, after: int) -> AsyncIterator[EpisodeEvent]:
        """Events with a number above `after`, without end.

        A reader slower than the events is moved on to the oldest one kept, and told how many it
        missed. A number from an earlier life of the controller starts at the oldest one kept.
        """
        if after > self._number:
            after = 0
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._number > after)  # noqa: B023
            event = self._next(after)
            yield event
            after = event.number

    def _next(self, after: int) -> EpisodeEvent:
        oldest = self._events[0].number
        index = max(0, after + 1 - oldest)
        event = self._events[index]
        skipped = event.number - after - 1
        return EpisodeEvent(event.number, event.kind, event.episode, skipped)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
