"""Signals that ask to stop, heeded alike by every process that has to do with a robot.

SIGHUP is one of them: with the terminal in which a daemon runs, its robot must not lose whoever
takes torque off.
"""

import signal
import time
from collections.abc import Callable

REPEAT_S = 0.5
_ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def stop_signals() -> tuple[signal.Signals, ...]:
    """Those to be heeded: all, but SIGHUP where this process was started to ignore it (nohup)."""
    is_deaf = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return tuple(number for number in _ASKING if not (is_deaf and number is signal.SIGHUP))


def hold_stop_signals() -> None:
    """Keep them waiting while there is no handler yet; those that come are not lost."""
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals())


def release_stop_signals() -> None:
    """Let them come from now on; those that were kept waiting come first."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)


class StopRequests:
    """Counts how often it was asked to stop; what comes within REPEAT_S is the same request.

    `timeout` and process groups send a signal twice, a closed terminal several.

    Attributes:
        count: requests so far.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._begun_s = -REPEAT_S
        self.count = 0

    def take(self) -> bool:
        """A signal has come; whether it is a new request."""
        now_s = self._now_s()
        if self.count and now_s < self._begun_s + REPEAT_S:
            return False
        self._begun_s = now_s
        self.count += 1
        return True
