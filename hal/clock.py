"""Time as the control loop uses it: wall clock on a robot, a virtual one in lockstep simulation.

Only absolute deadlines: a loop that sleeps for durations drifts by what each step costs.
"""

import ctypes
import errno
import os
import time
from typing import Protocol

_TIMER_ABSTIME = 1
_SECOND_NS = 1_000_000_000


class Clock(Protocol):
    """Monotonic nanoseconds and a way to wait for one of them."""

    def now_ns(self) -> int:
        """Monotonic time."""
        ...

    def sleep_until(self, deadline_ns: int) -> None:
        """Return at `deadline_ns`, or at once when it has passed."""
        ...


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class WallClock:
    """CLOCK_MONOTONIC, waited for in the kernel: nothing runs between reading and sleeping."""

    def __init__(self) -> None:
        self._nanosleep = ctypes.CDLL(None, use_errno=False).clock_nanosleep
        self._nanosleep.argtypes = (
            ctypes.c_int,
            ctypes.c_int,
            ctypes.POINTER(_Timespec),
            ctypes.c_void_p,
        )
        self._nanosleep.restype = ctypes.c_int

    def now_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC, comparable between processes of one machine."""
        return time.monotonic_ns()

    def sleep_until(self, deadline_ns: int) -> None:
        """Wait; a signal handler may run meanwhile, the deadline stays the same.

        Raises:
            OSError: the kernel refused the deadline.
        """
        deadline = _Timespec(*divmod(max(deadline_ns, 0), _SECOND_NS))
        while True:
            code = self._nanosleep(
                time.CLOCK_MONOTONIC, _TIMER_ABSTIME, ctypes.byref(deadline), None
            )
            if code == 0:
                return
            if code != errno.EINTR:
                raise OSError(code, f"clock_nanosleep({deadline_ns}): {os.strerror(code)}")


class ManualClock:
    """Virtual time that moves only when someone waits: lockstep, deterministic, as fast as it can.

    Args:
        start_ns: the first reading.
    """

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """Virtual nanoseconds."""
        return self._now_ns

    def sleep_until(self, deadline_ns: int) -> None:
        """Jump to `deadline_ns`; never backwards."""
        self._now_ns = max(self._now_ns, deadline_ns)

    def advance(self, duration_ns: int) -> None:
        """Let `duration_ns` pass.

        Raises:
            ValueError: a negative duration.
        """
        if duration_ns < 0:
            raise ValueError(f"duration_ns is {duration_ns}, time never runs backwards")
        self._now_ns += duration_ns
