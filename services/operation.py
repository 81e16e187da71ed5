"""One long-running operation, as the work that it stands for reports to it."""

import asyncio
from collections.abc import AsyncIterator, Callable

from google.longrunning.operations_proto_pb2 import Operation
from google.protobuf.message import Message

from services.errors import ServiceError


class OperationHandle:
    """The side of one operation that the work itself reports to.

    Attributes:
        name: resource name, `operations/{kind}/{number}`.
        cancel_requested: whether somebody asked for its end.
    """

    def __init__(self, name: str, metadata: Message, on_cancel: Callable[[], None] | None) -> None:
        self.name = name
        self.cancel_requested = False
        self._on_cancel = on_cancel
        self._operation = Operation(name=name)
        self._operation.metadata.Pack(metadata)
        self._changed = asyncio.Event()

    @property
    def done(self) -> bool:
        return self._operation.done

    def set_metadata(self, metadata: Message) -> None:
        """Report progress; ignored once it is done."""
        if not self.done:
            self._operation.metadata.Pack(metadata)
            self._notify()

    def finish(self, response: Message, metadata: Message | None = None) -> None:
        """End it with a result.

        Raises:
            RuntimeError: it has ended already.
        """
        self._end(metadata)
        self._operation.response.Pack(response)
        self._notify()

    def fail(self, error: ServiceError, metadata: Message | None = None) -> None:
        """End it with an error; code CANCELLED after a cancel.

        Raises:
            RuntimeError: it has ended already.
        """
        self._end(metadata)
        self._operation.error.CopyFrom(error.status())
        self._notify()

    def cancel(self) -> None:
        """Ask for its end; the work decides when, and a second request changes nothing."""
        if self.done or self.cancel_requested:
            return
        self.cancel_requested = True
        if self._on_cancel is not None:
            self._on_cancel()

    def to_proto(self) -> Operation:
        """A copy of its present state."""
        copy = Operation()
        copy.CopyFrom(self._operation)
        return copy

    async def wait(self, timeout_s: float | None = None) -> Operation:
        """Its state when it is done, or after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                async for operation in self.watch():
                    if operation.done:
                        break
        except TimeoutError:
            pass
        return self.to_proto()

    async def watch(self) -> AsyncIterator[Operation]:
        """Its state now and after each change, the last one done; slow watchers skip states."""
        while True:
            changed = self._changed
            operation = self.to_proto()
            yield operation
            if operation.done:
                return
            await changed.wait()

    def _end(self, metadata: Message | None) -> None:
        if self.done:
            raise RuntimeError(f"operation {self.name} has ended already")
        if metadata is not None:
            self._operation.metadata.Pack(metadata)
        self._operation.done = True

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
