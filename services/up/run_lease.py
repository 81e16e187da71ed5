"""The run's right to command the robot: held, lost to somebody else, and regained."""

import contextlib
from types import TracebackType
from typing import Literal, Self

from services.client import ControllerClient, HeldLease
from services.client.lease import lease_window_s
from services.errors import ServiceError

WALL_WINDOW_S = 5.0


class RunLease:
    """Holds the lease for the length of a block; `regain` takes it up again after a loss."""

    def __init__(
        self, controller: ControllerClient, owner: str, clock: Literal["wall", "lockstep"]
    ) -> None:
        self._window_s = max(WALL_WINDOW_S, lease_window_s(clock))
        self._controller = controller
        self._owner = owner
        self._stack = contextlib.ExitStack()
        self._lease: HeldLease | None = None

    @property
    def lease(self) -> HeldLease:
        """The lease as it was last granted; it may be lost by now."""
        if self._lease is None:
            raise RuntimeError("the lease is only there within the block")
        return self._lease

    def regain(self) -> bool:
        """Ask for a new lease; False while somebody else holds it.

        Raises:
            ServiceError: refused for another reason.
        """
        with contextlib.suppress(ServiceError):  # it is lost already
            self._stack.close()
        try:
            self._lease = self._stack.enter_context(
                self._controller.lease(self._owner, self._window_s)
            )
        except ServiceError as error:
            if error.reason != "LEASE_HELD":
                raise
            return False
        return True

    def __enter__(self) -> Self:
        self._lease = self._stack.enter_context(self._controller.lease(self._owner, self._window_s))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(ServiceError):  # it lapses by itself
            self._stack.close()
