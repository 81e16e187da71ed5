"""What every call passes through: a deadline, a bounded number at once, errors as statuses.

Stopping the robot is exempt from the first two: it is served whatever else is going on.
"""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import structlog

from services.errors import ServiceError, abort, refusal

DEADLINE_MAX_S = 30.0
CALLS_MAX = 256
ALWAYS_SERVED = frozenset({"/mbctl.v1.SafetyService/EmergencyStop"})

log = structlog.get_logger()

Context = grpc.aio.ServicerContext
Handler = grpc.RpcMethodHandler
Admission = contextlib.AbstractAsyncContextManager[None]


class CallGuard(grpc.aio.ServerInterceptor):
    """Admits calls and turns what handlers raise into statuses with a reason."""

    def __init__(self, calls_max: int = CALLS_MAX, deadline_max_s: float = DEADLINE_MAX_S) -> None:
        self._calls_max = calls_max
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
        if handler is None:  # no such method: gRPC answers UNIMPLEMENTED
            return None
        method = handler_call_details.method
        return wrap_handler(handler, lambda context: self._admitted(method, handler, context))

    @contextlib.asynccontextmanager
    async def _admitted(self, method: str, handler: Any, context: Context) -> AsyncIterator[None]:
        async with reporting_errors(method, context):
            if method not in ALWAYS_SERVED:
                self._check_deadline(handler, context)
                self._check_load()
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

    def _check_load(self) -> None:
        if len(self._open) >= self._calls_max:
            raise refusal(
                "TOO_MANY_CALLS",
                f"{len(self._open)} calls are open, the limit is {self._calls_max}",
            )


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
    """The answer for an exception no handler expected, or one that carries a `reason`."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, str) and reason:
        return refusal(reason, str(error))
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
