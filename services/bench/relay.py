"""A relay that counts what really passes between client and trainer, framing included."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

_READ_BYTES = 1 << 16


class CountingRelay:
    """Listens on loopback and passes bytes on to `target`, "host:port".

    Attributes:
        sent, received: bytes from client to target and back, TCP's own headers not included.
    """

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        self.sent = 0
        self.received = 0

    @property
    def address(self) -> str:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("the relay is not open")
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        pumps = list(self._pumps)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the loop's next turn

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._target)
        for pump in (self._up(reader, back), self._down(there, writer)):
            task = asyncio.create_task(pump)
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for data in _read(reader, writer):
            self.sent += len(data)

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for data in _read(reader, writer):
            self.received += len(data)


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """What is read and passed on, until either side ends."""
    try:
        while data := await reader.read(_READ_BYTES):
            yield data
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
