"""A robot that was lost, or was never there, is tried to be reached again and again.

With torque off: it comes back INACTIVE, or with the fault that it was lost with still latched.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from hal.faults import Fault
from services.backoff import Backoff
from services.controller.control_channel import ControlError
from services.controller.view import ControlView, new_fault

FIRST_S, MAX_S = 0.5, 5.0

log = structlog.get_logger()


class Reconnection:
    """Launches a control process whenever one is wanted, with growing pauses between failures.

    Args:
        launch: starts a control process that begins with this fault.
        is_port_there: whether it is worth trying.
        restart: held while a process is started.
    """

    def __init__(
        self,
        view: ControlView,
        launch: Callable[[Fault | None], Awaitable[None]],
        is_port_there: Callable[[], bool],
        restart: asyncio.Lock,
    ) -> None:
        self._view = view
        self._launch = launch
        self._is_port_there = is_port_there
        self._restart = restart
        self._wanted = asyncio.Event()

    def want(self, reason: str, message: str) -> None:
        """The robot cannot be reached for this reason: try until it can."""
        known = self._view.unreachable
        if known is None or (known.reason, known.message) != (reason, message):
            log.warning("robot_unreachable", reason=reason, message=message)
            self._view.unreachable = new_fault(reason, message)
        self._wanted.set()

    def end(self) -> None:
        """The robot has been reached, or nobody wants it any more."""
        self._view.unreachable = None
        self._wanted.clear()

    async def run(self) -> None:
        """Work for ever."""
        backoff = Backoff(random.Random(), FIRST_S, MAX_S)  # jitter alone
        while True:
            await self._wanted.wait()
            await backoff.wait()
            async with self._restart:
                if await self._try():
                    backoff.succeed()

    async def _try(self) -> bool:
        if not self._wanted.is_set() or not self._is_port_there():
            return not self._wanted.is_set()
        try:
            await self._launch(self._view.control_fault)
        except ControlError as error:
            self.want(error.reason, error.message)
            return False
        return True
