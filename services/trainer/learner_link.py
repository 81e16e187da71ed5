"""One learner process: started, given commands, and the end of its stderr kept."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import IO, Self

import structlog

from hal.child import PIPE, Child
from mbctl.config import LearnerConfig
from services.logs.capture import Lines
from services.trainer.messages import (
    LINE_BYTES_MAX,
    Command,
    Report,
    parse_report,
)

STOP_S = 1.0  # it loses nothing when it is killed
TAIL_LINES = 30
PIECE_BYTES = 65_536

log = structlog.get_logger()


@dataclass(frozen=True)
class _Output:
    """What the process writes to one of its pipes, read by the event loop."""

    reader: asyncio.StreamReader
    transport: asyncio.ReadTransport

    @classmethod
    async def of(cls, pipe: IO[bytes]) -> Self:
        reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
        loop = asyncio.get_running_loop()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_read_pipe(lambda: protocol, pipe)
        return cls(reader, transport)


class LearnerLink:
    """A running learner process."""

    def __init__(
        self, process: Child, commands: asyncio.WriteTransport, reports: _Output, log_text: _Output
    ) -> None:
        self._process = process
        self._commands = commands
        self._reports = reports
        self._log_text = log_text
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._listener = asyncio.create_task(self._keep_tail())

    @classmethod
    async def start(cls, command: Sequence[str], config: LearnerConfig) -> Self:
        """Start `command` and give it its configuration.

        Raises:
            OSError: it cannot be started.
        """
        process = Child(command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        try:
            loop = asyncio.get_running_loop()
            commands, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, process.stdin)
            reports, log_text = await _Output.of(process.stdout), await _Output.of(process.stderr)
        except BaseException:
            process.end_now()
            process.close()
            raise
        link = cls(process, commands, reports, log_text)
        link._write(config.model_dump_json().encode() + b"\n")
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
        async for line in self._reports.reader:
            yield parse_report(line)

    async def stop(self) -> str:
        """End it if it has not ended, and return how it ended with its last lines of stderr."""
        self._commands.close()  # it ends with its stdin
        await asyncio.to_thread(self._process.wait, STOP_S)
        self._process.end_now()
        await self._listener
        self._reports.transport.close()
        self._log_text.transport.close()
        return "\n".join([self._process.ending, *self._tail])

    def _write(self, line: bytes) -> None:
        if not self._commands.is_closing():
            self._commands.write(line)

    async def _keep_tail(self) -> None:
        lines = Lines(self._take_line)
        while data := await self._log_text.reader.read(PIECE_BYTES):
            lines.feed(data.decode(errors="replace"))
        lines.end()

    def _take_line(self, line: str) -> None:
        self._tail.append(line)
        log.info("learner_said", text=line)
