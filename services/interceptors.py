"""What every call passes through: a deadline, a bounded number at once, errors as statuses.

Stopping the robot is exempt: a method that is marked `always_served` from deadline and number, one
that is marked `not_counted` from the number.
"""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import grpc
import grpc.aio
import structlog

from hal.errors import ReasonedError
from protos import controller_pb2
from services.channel import DEADLINE_MAX_S
from services.daemon_name import DaemonName
from services.errors import ServiceError, abort, refusal
from services.open_calls import CallLimits, OpenCalls, peer_of
from services.transient import is_transient

log = structlog.get_logger()

Context = grpc.aio.ServicerContext
Handler = grpc.RpcMethodHandler
Admission = contextlib.AbstractAsyncContextManager[None]
Place = contextlib.AbstractContextManager[None]
Unary = Callable[[Any, Context], Coroutine[Any, Any, Any]]


def marked_methods(option: Any) -> frozenset[str]:
    """Full paths of the methods that carry a boolean option of protos/controller.proto."""
    return frozenset(
        f"/{service.full_name}/{method.name}"
        for service in controller_pb2.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.GetOptions().Extensions[option]
    )


ALWAYS_SERVED = marked_methods(controller_pb2.always_served)
NOT_COUNTED = ALWAYS_SERVED | marked_methods(controller_pb2.not_counted)


class CallGuard(grpc.aio.ServerInterceptor):
    """Admits calls and turns what handlers raise into statuses with a reason."""

    def __init__(
        self,
        limits: CallLimits | None = None,
        deadline_max_s: float = DEADLINE_MAX_S,
        daemon: DaemonName | None = None,
    ) -> None:
        self._daemon = daemon
        self._calls = OpenCalls(limits or CallLimits())
        self._deadline_max_s = deadline_max_s
        self._open: set[asyncio.Task[Any]] = set()
        self._draining = False

    def end_calls(self) -> None:
        """End every open call with DRAINING; a call that gRPC has to cut off logs a traceback."""
        self._draining = True
        for call in list(self._open):
            call.cancel()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None:
            return None if self._daemon is None else _unserved(method, self._daemon)
        return wrap_handler(handler, lambda context: self._admitted(method, handler, context))

    @contextlib.asynccontextmanager
    async def _admitted(self, method: str, handler: Any, context: Context) -> AsyncIterator[None]:
        if self._daemon is not None:
            context.set_trailing_metadata(self._daemon.metadata())
        async with reporting_errors(method, context):
            if method not in ALWAYS_SERVED:
                self._check_deadline(handler, context)
            with self._place(method, handler, context):
                async with self._ended_with_the_daemon():
                    yield

    def _place(self, method: str, handler: Any, context: Context) -> Place:
        if method in NOT_COUNTED:
            return contextlib.nullcontext()
        is_stream = handler.request_streaming or handler.response_streaming
        return self._calls.place(peer_of(context), is_stream=is_stream)

    @contextlib.asynccontextmanager
    async def _ended_with_the_daemon(self) -> AsyncIterator[None]:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if not self._draining:
                raise
            task.uncancel()
            raise refusal("DRAINING", "the daemon is shutting down") from None
        finally:
            self._open.discard(task)

    def _check_deadline(self, handler: Any, context: Context) -> None:
        if handler.request_streaming or handler.response_streaming:
            return
        remaining = context.time_remaining()
        if remaining is None:
            raise refusal(
                "DEADLINE_REQUIRED",
                f"the call has no deadline; set one of at most {self._deadline_max_s:g} s",
            )
        if remaining > self._deadline_max_s + 1.0:  # clocks and transit may add a little
            raise refusal(
                "DEADLINE_TOO_LONG",
                f"the deadline is {remaining:.0f} s away, at most {self._deadline_max_s:g} s",
            )


class UnaryGuard(grpc.aio.ServerInterceptor):
    """Passes the calls of some unary methods through `call`."""

    def guards(self, method: str) -> bool:
        """Whether calls of this method, such as "/mbctl.v1.RobotService/Jog", pass through."""
        raise NotImplementedError

    async def call(self, behaviour: Unary, request: Any, context: Context) -> Any:
        """Answer one call; `behaviour` is what would answer it otherwise."""
        raise NotImplementedError

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None or not handler.unary_unary:
            return handler
        if not self.guards(handler_call_details.method):
            return handler

        async def guarded(request: Any, context: Context) -> Any:
            return await self.call(handler.unary_unary, request, context)

        return _rebuilt(handler, guarded)


def _unserved(method: str, daemon: DaemonName) -> Handler:
    """Answers a method that is not served, whatever its kind, with where it would be."""
    error = refusal("WRONG_DAEMON", daemon.does_not_serve(method))

    async def answer(_requests: Any, context: Context) -> AsyncIterator[bytes]:
        context.set_trailing_metadata(daemon.metadata())
        await abort(context, error)
        yield b""  # never reached: it makes this a stream

    return grpc.stream_stream_rpc_method_handler(answer)


@contextlib.asynccontextmanager
async def reporting_errors(method: str, context: Context) -> AsyncIterator[None]:
    """End the call with a status for whatever the body raises."""
    try:
        yield
    except grpc.aio.BaseError:  # an abort on its way out, or the peer has gone
        raise
    except ServiceError as error:
        log.info("call_refused", method=method, reason=error.reason, message=error.message)
        await abort(context, error)
    except Exception as error:  # outermost frame of a call
        log.exception("call_failed", method=method)
        await abort(context, internal_error(error))


def internal_error(error: Exception) -> ServiceError:
    """The answer for an exception that no handler turned into a refusal."""
    if is_transient(error):
        return refusal("RESOURCES_SHORT", f"the daemon's system is short of something: {error}")
    if isinstance(error, ReasonedError):
        return refusal(error.reason, str(error))
    return refusal("INTERNAL", f"{type(error).__name__}: {error}")


def wrap_handler(handler: Any, around: Callable[[Context], Admission]) -> Handler:
    """The same handler with `around(context)` entered for the length of each call."""
    behaviour = _behaviour(handler)

    async def unary(request: Any, context: Context) -> Any:
        async with around(context):
            return await behaviour(request, context)

    async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
        async with around(context), contextlib.aclosing(behaviour(request, context)) as answers:
            async for answer in answers:
                yield answer

    streams = inspect.isasyncgenfunction(behaviour)
    return _rebuilt(handler, stream if streams else unary)


def _behaviour(handler: Any) -> Callable[..., Any]:
    return (
        handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    )


def _rebuilt(handler: Any, behaviour: Callable[..., Any]) -> Handler:
    kinds = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    build = kinds[(handler.request_streaming, handler.response_streaming)]
    return build(behaviour, handler.request_deserializer, handler.response_serializer)
