"""Holding the control lease: a heartbeat in a thread for as long as a block runs.

When the heartbeat stops, for whatever reason, the controller brings the robot to rest by itself.
"""

import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from grpc import StatusCode

from services.errors import ServiceError, refusal

BEATS_PER_WINDOW = 4
# On a wall clock something may move: whoever commands it shows often that he is there.
_WINDOWS_S = {"wall": 2.0, "lockstep": 60.0}


def lease_window_s(clock: str) -> float:
    """How long a lease should outlive its last heartbeat where time passes like this."""
    return _WINDOWS_S.get(clock, _WINDOWS_S["wall"])


class HeldLease:
    """A lease that is renewed until the block ends or the controller says it is lost."""

    def __init__(
        self,
        token: str,
        window_s: float,
        retain: Callable[[], object],
        give_back: Callable[[], object],
    ) -> None:
        self.token = token
        self._process = os.getpid()
        self._window_s = window_s
        self._retain = retain
        self._give_back = give_back
        self._left = False
        self._ended = threading.Event()
        self._failure: ServiceError | None = None
        self._thread = threading.Thread(target=self._beat, name="lease-heartbeat", daemon=True)

    def check(self) -> None:
        """Raise what ended the lease, if it has ended.

        Raises:
            ServiceError: LEASE_LOST, or the controller cannot be reached; FORKED in a process that
                was forked from the holder's, where no heartbeat runs.
        """
        if os.getpid() != self._process:
            message = f"process {self._process} holds this lease, not its child {os.getpid()}"
            raise refusal("FORKED", message)
        if self._failure is not None:
            raise self._failure

    def leave(self) -> None:
        """Do not give the lease back at the end of the block: it lapses by itself."""
        self._left = True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if os.getpid() != self._process:  # the lease is its parent's, who goes on with it
            return
        self._ended.set()
        self._thread.join()
        if self._failure is not None or self._left:
            return
        try:
            self._give_back()
        except ServiceError:
            if error is None:
                raise

    def _beat(self) -> None:
        interval_s = self._window_s / BEATS_PER_WINDOW
        alive_until = time.monotonic() + self._window_s
        deadline = time.monotonic() + interval_s
        while not self._ended.wait(max(0.0, deadline - time.monotonic())):
            deadline += interval_s
            try:
                self._retain()
                alive_until = time.monotonic() + self._window_s
            except ServiceError as error:
                passing = error.code in (StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED)
                if passing and time.monotonic() < alive_until:
                    continue
                self._failure = error
                return
