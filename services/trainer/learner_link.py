"""One learner process: started, spoken to, and its last words kept."""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Self

import structlog

from services.logs.capture import Lines
from services.trainer.messages import (
    LINE_BYTES_MAX,
    Command,
    LearnerConfig,
    Report,
    parse_report,
)

STOP_S = 1.0  # it loses nothing when it is killed
TAIL_LINES = 30
PIECE_BYTES = 65_536

log = structlog.get_logger()


_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class LearnerLink:
    """A running learner process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._listener = asyncio.create_task(self._keep_tail())

    @classmethod
    async def start(cls, command: Sequence[str], config: LearnerConfig) -> Self:
        """Start `command` and give it its configuration.

        Raises:
            OSError: it cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
            env={**os.environ, **_ONE_THREAD},
            process_group=0,  # a terminal's signals are the service process's to handle
        )
        link = cls(process)
        link._write(config.line())
        return link

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, command: Command) -> None:
        """Give a command; lost without an error when the process has died."""
        self._write(command.line())

    async def reports(self) -> AsyncIterator[Report]:
        """What it says, until it ends.

        Raises:
            ValueError: it said something that is no report.
        """
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            yield parse_report(line)

    async def stop(self) -> str:
        """End it if it has not ended, and return how it ended with its last lines of stderr."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await self._listener
        how = f"exit status {self._process.returncode}"
        return "\n".join([how, *self._tail])

    def _write(self, line: bytes) -> None:
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(line)

    async def _keep_tail(self) -> None:
        assert self._process.stderr is not None
        lines = Lines(self._take_line)
        while data := await self._process.stderr.read(PIECE_BYTES):
            lines.feed(data.decode(errors="replace"))
        lines.end()

    def _take_line(self, line: str) -> None:
        self._tail.append(line)
        log.info("learner_said", text=line)
