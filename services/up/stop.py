"""Ctrl-C once: stop at the next good moment. Twice: stop now."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):  # noqa: N818 - a request that is honoured, not an error
    """The first signal arrived; raised where stopping loses nothing."""


class StopNow(BaseException):
    """The second signal arrived; raised wherever the program is."""


class StopSignals:
    """Catches SIGINT, SIGTERM and SIGHUP for the length of a block.

    Args:
        acknowledge: is called at once after a first signal, in a thread of its own: the program
            may be waiting for a daemon, and a handler may not print.

    Attributes:
        requested: a first signal has arrived.
    """

    def __init__(self, acknowledge: Callable[[], None] = lambda: None) -> None:
        self.requested = False
        self._acknowledge = acknowledge
        self._arrival = threading.Event()
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        threading.Thread(target=self._tell, name="stop-signals", daemon=True).start()
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # pyright: ignore[reportArgumentType]  # as it came
        self._arrival.set()  # ends the thread

    def check(self) -> None:
        """Raise StopRequested after a first signal."""
        if self.requested:
            raise StopRequested

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise StopNow
        self.requested = True
        self._arrival.set()

    def _tell(self) -> None:
        self._arrival.wait()
        if self.requested:
            self._acknowledge()
