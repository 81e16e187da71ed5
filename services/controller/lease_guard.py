"""Guards methods marked `lease_required`: found by their option, so that none is forgotten."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from protos import controller_pb2
from services.controller.lease import LeaseBook


def leased_methods() -> frozenset[str]:
    """Full paths of all methods that carry the option."""
    option: Any = controller_pb2.lease_required
    return frozenset(
        f"/{service.full_name}/{method.name}"
        for service in controller_pb2.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.GetOptions().Extensions[option]
    )


class LeaseGuard(grpc.aio.ServerInterceptor):
    """Checks `lease_token` before the handler runs."""

    def __init__(self, lease: LeaseBook) -> None:
        self._lease = lease
        self._methods = leased_methods()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method not in self._methods:
            return handler

        async def guarded(request: Any, context: grpc.aio.ServicerContext) -> Any:
            self._lease.check(request.lease_token)
            return await handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(
            guarded, handler.request_deserializer, handler.response_serializer
        )
