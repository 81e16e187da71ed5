"""Ctrl-C once: stop at the next good moment. Twice: stop now."""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

from hal.stop_signals import REPEAT_S, release_stop_signals, stop_signals


class StopRequested(Exception):  # noqa: N818 - a request that is honoured, not an error
    """The first signal arrived; raised where stopping loses nothing."""


class StopNow(BaseException):
    """The second signal arrived; raised wherever the program is.

    Attributes:
        is_off: whether the robot has confirmed that its torque is off; None where it had none.
    """

    def __init__(self, is_off: bool | None = None) -> None:
        super().__init__("stopped twice: emergency stop")
        self.is_off = is_off


class StopSignals:
    """Catches SIGINT, SIGTERM and SIGHUP for the length of a block.

    Args:
        acknowledge: is called at once after a first signal, in a thread of its own: the program
            may be waiting for a daemon, and a handler may not print.

    Attributes:
        requested: a first signal has arrived.
        insisted: a second one, too; more change nothing.
    """

    def __init__(self, acknowledge: Callable[[], None] = lambda: None) -> None:
        self.requested = self.insisted = False
        self._last: tuple[int, float] = (0, 0.0)
        self._acknowledge = acknowledge
        self._arrival = threading.Event()
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        threading.Thread(target=self._tell, name="stop-signals", daemon=True).start()
        for number in stop_signals():
            self._before[number] = signal.signal(number, self._arrived)
        release_stop_signals()  # one that came before this
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
        """Raise StopRequested after a first signal, StopNow after a second."""
        self.check_now()
        if self.requested:
            raise StopRequested

    def check_now(self) -> None:
        """Raise StopNow after a second signal: what a handler raises can vanish in a callback."""
        if self.insisted:
            raise StopNow

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if self.insisted or self._is_echo(number):
            return
        if self.requested:
            self.insisted = True
            raise StopNow
        self.requested = True
        self._arrival.set()

    def _is_echo(self, number: int) -> bool:
        """The same request again, but for Ctrl-C: a person at a keyboard means each press."""
        (last, at_s), now_s = self._last, time.monotonic()
        self._last = (number, now_s)
        return number == last != signal.SIGINT and now_s - at_s < REPEAT_S

    def _tell(self) -> None:
        self._arrival.wait()
        if self.requested:
            self._acknowledge()
