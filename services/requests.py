"""Makes a retried call harmless: the same request_id is carried out once and answered alike.

Every unary method whose request has a `request_id` is kept so, without a word in its servicer;
methods that stop the robot act again each time.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from protos import controller_pb2
from services.errors import invalid_field, refusal
from services.interceptors import Context, Unary, UnaryGuard, marked_methods

REQUEST_ID_MAX = 64
REMEMBERED = 1024

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class _Seen:
    fingerprint: bytes
    task: asyncio.Task[Any]


class RequestMemory:
    """Remembers the last calls of each method by request_id; failed ones may be tried again."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()

    async def once(
        self,
        request: Any,
        act: Callable[[], Coroutine[Any, Any, Answer]],
    ) -> Answer:
        """The answer of `act()`, or of the earlier call with this request's id.

        The work goes on when the caller goes away, so that its retry finds the answer.

        Raises:
            ServiceError: malformed request_id; REQUEST_ID_REUSED for a different request.
        """
        key = (request.DESCRIPTOR.full_name, check_request_id(request.request_id))
        fingerprint = request.SerializeToString(deterministic=True)
        seen = self._seen.get(key) if request.request_id else None
        if seen is not None and seen.fingerprint != fingerprint:
            raise refusal(
                "REQUEST_ID_REUSED",
                f"request_id {request.request_id!r} came before with other fields; "
                "use a new one for each request",
            )
        if seen is None or _failed(seen.task):
            seen = _Seen(fingerprint, asyncio.ensure_future(act()))
            if request.request_id:
                self._remember(key, seen)
        return await asyncio.shield(seen.task)

    def _remember(self, key: tuple[str, str], seen: _Seen) -> None:
        self._seen[key] = seen
        self._seen.move_to_end(key)
        while len(self._seen) > self._remembered:
            self._seen.popitem(last=False)


class OnceGuard(UnaryGuard):
    """Carries out calls with a `request_id` through a RequestMemory."""

    def __init__(self) -> None:
        self._memory = RequestMemory()
        self._acts_again = marked_methods(controller_pb2.always_served)

    def guards(self, method: str) -> bool:
        return method not in self._acts_again

    async def call(self, behaviour: Unary, request: Any, context: Context) -> Any:
        if "request_id" not in request.DESCRIPTOR.fields_by_name:
            return await behaviour(request, context)
        return await self._memory.once(request, lambda: behaviour(request, context))


def check_request_id(request_id: str) -> str:
    """Return it.

    Raises:
        ServiceError: longer than REQUEST_ID_MAX or not printable.
    """
    if len(request_id) > REQUEST_ID_MAX or not request_id.isprintable():
        raise invalid_field(
            "request_id", request_id, f"up to {REQUEST_ID_MAX} printable characters, such as a UUID"
        )
    return request_id


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
