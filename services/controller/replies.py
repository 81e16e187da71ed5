"""Answers of the control process that somebody waits for."""

import asyncio
import contextlib
from collections.abc import Iterator

from services.controller.episode_events import Event
from services.errors import ServiceError, refusal


class Replies:
    """One future for each command on its way; used in the event loop alone."""

    def __init__(self) -> None:
        self._awaited: dict[str, asyncio.Future[None]] = {}

    @contextlib.contextmanager
    def expected(self, command_id: str) -> Iterator[asyncio.Future[None]]:
        """The reply to this command, for the length of the block."""
        reply = self._awaited[command_id] = asyncio.get_running_loop().create_future()
        try:
            yield reply
        finally:
            del self._awaited[command_id]

    def take(self, event: Event) -> None:
        """Pass a "reply" event on to whoever waits for it."""
        reply = self._awaited.get(event["id"])
        if reply is None or reply.done():
            return
        if event["ok"]:
            reply.set_result(None)
        else:
            reply.set_exception(refusal(event["reason"], event["message"]))

    def fail_all(self, error: ServiceError) -> None:
        """Nobody will answer any more."""
        for reply in self._awaited.values():
            if not reply.done():
                reply.set_exception(error)
