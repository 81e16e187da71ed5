"""Tasks that nobody awaits: kept alive, ended with the daemon, never silent when they fail."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

from services.backoff import Backoff
from services.transient import through_shortages


class BackgroundTasks:
    """Owns tasks; the first failure of one is handed to `failed`."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `work`; an exception in it ends the daemon, which waits for `failed`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def keep(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `work`, which never returns; a shortage of the system interrupts it at most."""
        self.start(through_shortages(work, Backoff(random.Random())))  # jitter alone

    async def stop(self) -> None:
        """Cancel what still runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.failed.done():
            self.failed.exception()  # seen

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.failed.done():
            self.failed.set_exception(error)
