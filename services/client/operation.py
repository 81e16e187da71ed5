"""Long-running operations: wait in long polls, report progress, cancel, unpack the result."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import grpc
from google.longrunning import operations_pb2  # pyright: ignore[reportMissingTypeStubs]
from google.protobuf.message import Message
from google.rpc import error_details_pb2  # pyright: ignore[reportMissingTypeStubs]

from services.channel import DEADLINE_MAX_S
from services.client.caller import Caller
from services.errors import ServiceError

POLL_S = 0.5

MetadataT = TypeVar("MetadataT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


class RunningOperation(Generic[MetadataT, ResponseT]):
    """One operation at one daemon.

    Attributes:
        name: resource name, by which any client may find it again.
        metadata: progress as last heard.
    """

    def __init__(
        self,
        caller: Caller,
        operation: Any,
        metadata_type: type[MetadataT],
        response_type: type[ResponseT],
    ) -> None:
        self._caller = caller
        self._operation = operation
        self._response_type = response_type
        self.name: str = operation.name
        self.metadata = metadata_type()
        self._take(operation)

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not, as far as this client has heard."""
        return self._operation.done

    def poll(self, wait_s: float = POLL_S) -> bool:
        """Wait up to `wait_s` seconds for the end and return `done`; metadata are refreshed.

        Raises:
            ServiceError: the daemon cannot be asked.
        """
        if not self.done:
            request = operations_pb2.WaitOperationRequest(name=self.name)
            request.timeout.FromNanoseconds(int(wait_s * 1e9))
            wait = self._caller.operations.WaitOperation
            deadline_s = min(wait_s + self._caller.timeout_s, DEADLINE_MAX_S)
            self._take(self._caller.call(wait, request, deadline_s))
        return self.done

    def updates(self, poll_s: float = POLL_S) -> Iterator[MetadataT]:
        """Yield progress about every `poll_s` seconds until the operation has ended."""
        yield self.metadata
        deadline = time.monotonic()
        while not self.done:
            deadline += poll_s
            self.poll(max(0.0, deadline - time.monotonic()))
            yield self.metadata

    def result(self) -> ResponseT:
        """What a finished operation returned.

        Raises:
            ServiceError: it failed or was cancelled.
        """
        if self._operation.HasField("error"):
            raise _failure(self._operation.error)
        response = self._response_type()
        if not self._operation.response.Unpack(response):
            raise ServiceError(
                grpc.StatusCode.INTERNAL,
                "UNEXPECTED_RESPONSE",
                f"operation {self.name} returned {self._operation.response.TypeName() or 'nothing'}"
                f", expected {response.DESCRIPTOR.full_name}",
            )
        return response

    def wait(self, on_progress: Callable[[MetadataT], None] | None = None) -> ResponseT:
        """Wait for the end, however long it takes, and return the result."""
        for metadata in self.updates():
            if on_progress is not None:
                on_progress(metadata)
        return self.result()

    def cancel(self) -> None:
        """Ask the daemon to end it early; `wait` tells when it has."""
        request = operations_pb2.CancelOperationRequest(name=self.name)
        self._caller.call(self._caller.operations.CancelOperation, request)

    def _take(self, operation: Any) -> None:
        self._operation = operation
        operation.metadata.Unpack(self.metadata)


def _failure(status: Any) -> ServiceError:
    codes = {code.value[0]: code for code in grpc.StatusCode}
    code = codes.get(status.code, grpc.StatusCode.UNKNOWN)
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            break
    return ServiceError(code, info.reason or code.name, status.message)
