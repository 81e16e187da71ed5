"""Long-running operations: both daemons' episode batches and refits are these.

Everything runs on the daemon's event loop; results are kept for the life of the process, the
oldest finished ones are forgotten beyond a bound.
"""

from collections.abc import Callable

import grpc.aio
from google.longrunning import operations_pb2_grpc
from google.longrunning.operations_proto_pb2 import (
    CancelOperationRequest,
    DeleteOperationRequest,
    GetOperationRequest,
    ListOperationsRequest,
    ListOperationsResponse,
    Operation,
    WaitOperationRequest,
)
from google.protobuf import empty_pb2
from google.protobuf.message import Message

from services.errors import ServiceError, invalid_field, refusal
from services.operation import OperationHandle

FINISHED_KEPT = 1000
PAGE_MAX = 1000
SERVICE_NAME = "google.longrunning.Operations"


class OperationStore:
    """All operations of a daemon by name, in order of creation."""

    def __init__(self, finished_kept: int = FINISHED_KEPT) -> None:
        self._finished_kept = finished_kept
        self._operations: dict[str, OperationHandle] = {}
        self._created = 0

    def create(
        self,
        kind: str,
        metadata: Message,
        *,
        on_cancel: Callable[[], None] | None = None,
    ) -> OperationHandle:
        """Register a new operation.

        Args:
            kind: what it is, such as "refits".
            on_cancel: called at most once, on the event loop, when a cancel is asked for.
        """
        self._created += 1
        handle = OperationHandle(f"operations/{kind}/{self._created}", metadata, on_cancel)
        self._operations[handle.name] = handle
        self._forget_old()
        return handle

    def get(self, name: str) -> OperationHandle:
        """The operation called `name`.

        Raises:
            ServiceError: there is none.
        """
        if name not in self._operations:
            message = f"no operation {name[:200]!r}; results are kept while the daemon runs"
            raise refusal("UNKNOWN_OPERATION", message)
        return self._operations[name]

    def list(self, prefix: str = "") -> list[OperationHandle]:
        """Operations whose name starts with `prefix`, oldest first."""
        return [o for name, o in self._operations.items() if name.startswith(prefix)]

    def delete(self, name: str) -> None:
        """Forget a finished operation.

        Raises:
            ServiceError: there is none, or it still runs.
        """
        if not self.get(name).done:
            raise refusal("OPERATION_RUNNING", f"operation {name!r} still runs; cancel it first")
        self._forget({name})

    def fail_all(self, error: ServiceError) -> None:
        """Fail whatever has not ended; for the daemon's shutdown."""
        for handle in self._operations.values():
            if not handle.done:
                handle.fail(error)

    def _forget_old(self) -> None:
        finished = [name for name, handle in self._operations.items() if handle.done]
        self._forget(set(finished[: max(0, len(finished) - self._finished_kept)]))

    def _forget(self, names: set[str]) -> None:
        for name in names:
            del self._operations[name]


class OperationsServicer(operations_pb2_grpc.OperationsServicer):
    """`google.longrunning.Operations` over an OperationStore."""

    def __init__(self, store: OperationStore) -> None:
        self._store = store

    async def ListOperations(
        self, request: ListOperationsRequest, context: grpc.aio.ServicerContext
    ) -> ListOperationsResponse:
        start = _page_start(request.page_token)
        if not 0 <= request.page_size <= PAGE_MAX:
            raise invalid_field("page_size", request.page_size, f"0 to {PAGE_MAX}")
        found = self._store.list(request.name)
        end = start + (request.page_size or 100)
        page = [handle.to_proto() for handle in found[start:end]]
        token = str(end) if end < len(found) else ""
        return ListOperationsResponse(operations=page, next_page_token=token)

    async def GetOperation(
        self, request: GetOperationRequest, context: grpc.aio.ServicerContext
    ) -> Operation:
        return self._store.get(request.name).to_proto()

    async def DeleteOperation(
        self, request: DeleteOperationRequest, context: grpc.aio.ServicerContext
    ) -> empty_pb2.Empty:
        self._store.delete(request.name)
        return empty_pb2.Empty()

    async def CancelOperation(
        self, request: CancelOperationRequest, context: grpc.aio.ServicerContext
    ) -> empty_pb2.Empty:
        self._store.get(request.name).cancel()
        return empty_pb2.Empty()

    async def WaitOperation(
        self, request: WaitOperationRequest, context: grpc.aio.ServicerContext
    ) -> Operation:
        """Answers a little before the call's own deadline, with whatever the state is then."""
        asked = request.timeout.seconds + request.timeout.nanos / 1e9
        if request.HasField("timeout") and asked < 0:
            raise invalid_field("timeout", asked, "0 s or more")
        remaining = context.time_remaining()
        limits = [asked] if request.HasField("timeout") else []
        limits += [max(0.0, 0.9 * remaining)] if remaining is not None else []
        return await self._store.get(request.name).wait(min(limits, default=None))


def _page_start(token: str) -> int:
    if not token:
        return 0
    if not token.isdecimal() or len(token) > 9:
        raise invalid_field("page_token", token, "one that ListOperations answered")
    return int(token)
