"""One channel to one daemon: every call has a deadline and fails as a ServiceError."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc
from google.longrunning import operations_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.channel import TlsFiles, open_channel
from services.errors import ServiceError, reason_of

CALL_TIMEOUT_S = 10.0

ResponseT = TypeVar("ResponseT")


class Caller:
    """Owns the channel to `target` ("host:port" or "unix:path"); connects when first used."""

    def __init__(
        self, target: str, tls: TlsFiles | None = None, timeout_s: float = CALL_TIMEOUT_S
    ) -> None:
        self.target = target
        self.timeout_s = timeout_s
        self.channel = open_channel(target, tls)
        self.operations: Any = operations_pb2_grpc.OperationsStub(self.channel)
        self._health: Any = health_pb2_grpc.HealthStub(self.channel)

    def call(
        self, method: Callable[..., ResponseT], request: Any, timeout_s: float | None = None
    ) -> ResponseT:
        """Make one unary call.

        Raises:
            ServiceError: it was refused, failed, found nobody or took too long.
        """
        with self.reporting():
            return method(request, timeout=self.timeout_s if timeout_s is None else timeout_s)

    def stream(self, method: Callable[..., Any], request: Any) -> Iterator[Any]:
        """Yield a server's stream until it ends; closing the generator cancels the call."""
        with self.reporting():
            call = method(request)
            try:
                yield from call
            finally:
                call.cancel()

    def is_serving(self, service: str, timeout_s: float = 1.0) -> bool:
        """Whether the daemon answers that `service` can do its work; False when nobody is there."""
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = self._health.Check(request, timeout=timeout_s)
        except grpc.RpcError:
            return False
        return answer.status == health_pb2.HealthCheckResponse.SERVING

    def close(self) -> None:
        """Close the channel; open streams end."""
        self.channel.close()

    @contextlib.contextmanager
    def reporting(self) -> Iterator[None]:
        """Turn what grpc raises into a ServiceError that names the daemon's address."""
        try:
            yield
        except grpc.RpcError as error:
            code, reason, message = reason_of(error)
            if reason in ("UNREACHABLE", "DEADLINE_EXCEEDED"):
                message = f"no answer from {self.target}: {message}"
            raise ServiceError(code, reason or code.name, message) from error
