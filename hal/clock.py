"""Time as the control loop uses it: wall clock on a robot, a virtual one in lockstep simulation.

Only absolute deadlines: a loop that sleeps for durations drifts by what each step costs.
"""

import ctypes
import errno
import os
import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np

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


@dataclass(frozen=True, slots=True)
class TimingSummary:
    """Statistics of a loop.

    Attributes:
        cycles, overruns: since the start of the loop.
        lateness_*_us: wake-up after its deadline, over the window.
        work_*_us: from wake-up to the end of the cycle's work, over the window.
    """

    cycles: int
    overruns: int
    period_s: float
    lateness_p50_us: float
    lateness_p99_us: float
    lateness_p999_us: float
    lateness_max_us: float
    work_p50_us: float
    work_p99_us: float
    work_max_us: float


class LoopTiming:
    """Lateness and work of the last cycles, kept without allocation.

    Args:
        period_ns: control period; a cycle that ends a period or more after its deadline is an
            overrun.
        window: cycles that the percentiles look back on.

    Raises:
        ValueError: a period or window below 1.
    """

    def __init__(self, period_ns: int, window: int = 10_000) -> None:
        if period_ns < 1 or window < 1:
            raise ValueError(f"period_ns is {period_ns}, window {window}; expected at least 1")
        self._period_ns = period_ns
        self._lateness_ns = np.zeros(window, dtype=np.int64)
        self._work_ns = np.zeros(window, dtype=np.int64)
        self._cycles = 0
        self._overruns = 0

    def record(self, deadline_ns: int, wake_ns: int, done_ns: int) -> bool:
        """Add one cycle; True when it was an overrun."""
        slot = self._cycles % len(self._work_ns)
        self._lateness_ns[slot] = wake_ns - deadline_ns
        self._work_ns[slot] = done_ns - wake_ns
        self._cycles += 1
        overran = done_ns - deadline_ns >= self._period_ns
        self._overruns += overran
        return overran

    def summary(self) -> TimingSummary:
        """Statistics so far; zeros before the first cycle."""
        kept = max(1, min(self._cycles, len(self._work_ns)))
        lateness = np.percentile(self._lateness_ns[:kept], (50, 99, 99.9, 100)) / 1e3
        work = np.percentile(self._work_ns[:kept], (50, 99, 100)) / 1e3
        return TimingSummary(
            self._cycles, self._overruns, self._period_ns / 1e9, *lateness.tolist(), *work.tolist()
        )
