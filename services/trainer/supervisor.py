"""Keeps a learner process running: restarts it with growing pauses, says when that does not help.

Reports of whichever process is alive go to one listener; what a dead one was doing is the
listener's to ask for again.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Protocol

import structlog

from mbctl.config import LearnerConfig
from services.backoff import Backoff
from services.trainer.learner_link import LearnerLink
from services.trainer.messages import Command, Published, Ready, Refused, Report

QUICK_S = 60.0  # a process that dies younger than this without a result died quickly
QUICK_DEATHS_MAX = 3
PAUSE_FIRST_S = 0.25
PAUSE_MAX_S = 60.0

log = structlog.get_logger()


class Listener(Protocol):
    """Who wants to know about the learner; called on the event loop."""

    def on_report(self, report: Report) -> None:
        """It said something; a Ready comes first from each process."""
        ...

    def on_death(self, error: str) -> None:
        """The process has ended; another one follows."""
        ...

    def on_failure(self, error: str) -> None:
        """It died too often in a row; attempts go on at long intervals."""
        ...


class Supervisor:
    """Runs learner processes one after the other.

    Attributes:
        refusal: why a learner declined to work here at all; then none is started any more.
    """

    def __init__(self, command: Sequence[str], config: LearnerConfig) -> None:
        self._command = command
        self._config = config
        self._link: LearnerLink | None = None
        self._backoff = Backoff(random.Random(), PAUSE_FIRST_S, PAUSE_MAX_S)
        self.refusal: Refused | None = None

    @property
    def pid(self) -> int:
        """Of the living process; 0 when there is none."""
        return self._link.pid if self._link else 0

    def send(self, command: Command) -> None:
        """Give the living process a command; dropped when there is none."""
        if self._link is not None:
            self._link.send(command)

    async def run(self, listener: Listener) -> None:
        """Supervise until cancelled, or until a learner refuses; `listener` hears of it all."""
        loop = asyncio.get_running_loop()
        while self.refusal is None:
            started = loop.time()
            error = await self._run_once(listener)
            if self.refusal is not None:
                listener.on_failure(self.refusal.message)
                return
            if loop.time() - started >= QUICK_S:
                self._backoff.succeed()
            pause_s = self._backoff.next_s()
            log.error("learner_died", deaths=self._backoff.failures, error=error)
            listener.on_death(error)
            if self._backoff.failures >= QUICK_DEATHS_MAX:
                listener.on_failure(error)
            await asyncio.sleep(pause_s)

    async def _run_once(self, listener: Listener) -> str:
        try:
            link = await LearnerLink.start(self._command, self._config)
        except OSError as error:
            return f"cannot start {self._command[0]!r}: {error}"
        self._link = link
        log.info("learner_started", pid=link.pid)
        trouble = ""
        try:
            async for report in link.reports():
                self._hear(report, listener)
        except ValueError as error:
            trouble = f"the learner sent a line that is no report: {error}; "
        finally:
            self._link = None
            ending = await link.stop()
        return trouble + ending

    def _hear(self, report: Report, listener: Listener) -> None:
        if isinstance(report, Refused):
            self.refusal = report
            return
        if isinstance(report, Published):
            self._backoff.succeed()
        if isinstance(report, Ready):
            log.info("learner_ready", refits=report.newest.refit, rows=report.newest.rows)
        listener.on_report(report)
