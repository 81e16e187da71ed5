"""One channel to one daemon: every call has a deadline and fails as a ServiceError."""

import contextlib
import os
import uuid
from collections.abc import Callable, Generator, Iterator
from typing import Any, NoReturn, Protocol, TypeVar

import grpc
from google.longrunning import operations_pb2_grpc  # pyright: ignore[reportMissingTypeStubs]
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.channel import TlsFiles, open_channel
from services.daemon_name import name_in
from services.errors import ServiceError, reason_of, refusal

CALL_TIMEOUT_S = 10.0

ResponseT = TypeVar("ResponseT", covariant=True)


class UnaryMethod(Protocol[ResponseT]):
    """A unary method of a stub."""

    def with_call(self, request: Any, *, timeout: float) -> tuple[ResponseT, grpc.Call]: ...


class Caller:
    """Owns the channel to `target` ("host:port" or "unix:path"); connects when first used.

    Args:
        named_by: what daemons of this kind are named by: "robot" or "task".
    """

    def __init__(
        self,
        target: str,
        tls: TlsFiles | None = None,
        timeout_s: float = CALL_TIMEOUT_S,
        named_by: str = "robot",
    ) -> None:
        self.target = target
        self.timeout_s = timeout_s
        self._named_by = named_by
        self._name = ""
        self._process = os.getpid()
        self.channel = open_channel(target, tls)
        self.operations = operations_pb2_grpc.OperationsStub(self.channel)
        # grpcio-health-checking has no types.
        self._health: Any = health_pb2_grpc.HealthStub(self.channel)

    def call(
        self, method: UnaryMethod[ResponseT], request: Any, timeout_s: float | None = None
    ) -> ResponseT:
        """Make one unary call; a `request_id` that the request lacks is drawn.

        Raises:
            ServiceError: it was refused, failed, found nobody or took too long.
        """
        self.check_process()
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        with self.reporting():
            response, call = method.with_call(_identified(request), timeout=timeout_s)
        self._name = name_in(call.trailing_metadata()) or self._name
        return response

    def stream(self, method: Callable[..., Any], request: Any) -> Iterator[Any]:
        """Yield a server's stream until it ends; closing the generator cancels the call."""
        self.check_process()
        with self.reporting():
            call = method(request)
            try:
                yield from call
            finally:
                call.cancel()

    def is_serving(self, service: str, timeout_s: float = 1.0) -> bool:
        """Whether the daemon answers that `service` can do its work; False when nobody is there."""
        self.check_process()
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = self._health.Check(request, timeout=timeout_s)
        except grpc.RpcError:
            return False
        return answer.status == health_pb2.HealthCheckResponse.SERVING

    @property
    def answered_by(self) -> dict[str, str]:
        """Its "target", and "robot" or "task" of the daemon there, empty before it has answered."""
        return {self._named_by: self._name, "target": self.target}

    def close(self) -> None:
        """Close the channel; open streams end. A forked child leaves its parent's as it is."""
        if self.is_own:
            self.channel.close()

    @property
    def is_own(self) -> bool:
        """Whether this process made it, and not one that this process was forked from."""
        return os.getpid() == self._process

    def check_process(self) -> None:
        """Pass in the process that made this; gRPC's threads are in no other.

        Raises:
            ServiceError: this process was forked from that one.
        """
        if self.is_own:
            return
        raise refusal(
            "FORKED",
            f"this client of {self.target} belongs to process {self._process}, from which this one "
            f"({os.getpid()}) was forked: start processes with "
            'multiprocessing.get_context("spawn"), and make a client in each',
        )

    @contextlib.contextmanager
    def reporting(self) -> Generator[None]:
        """Turn what grpc raises into a ServiceError that names the daemon's address."""
        try:
            yield
        except grpc.RpcError as error:
            self._fail(error)

    def _fail(self, error: grpc.RpcError) -> NoReturn:
        call: grpc.Call = error  # pyright: ignore[reportAssignmentType]  # what grpc raises is one
        self._name = name_in(call.trailing_metadata()) or self._name
        code, reason, message = reason_of(error)
        if reason in ("UNREACHABLE", "DEADLINE_EXCEEDED"):
            message = f"no answer from {self.target}: {message}"
        elif code is grpc.StatusCode.UNIMPLEMENTED and not reason:
            message = f"{self.target} is no daemon of this version of mbctl: {message}"
        raise ServiceError(
            code, reason or code.name, message, answered_by=self.answered_by
        ) from error


def _identified(request: Any) -> Any:
    """The request with an id of its own, where it may have one and has none."""
    if "request_id" not in request.DESCRIPTOR.fields_by_name or request.request_id:
        return request
    identified = type(request)(request_id=uuid.uuid4().hex)
    identified.MergeFrom(request)
    return identified
