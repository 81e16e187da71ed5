"""When the next cycle is due: absolute deadlines, and never a burst to catch up."""

import time
from collections.abc import Callable
from typing import Protocol

from hal.clock import Clock, LoopTiming, TimingSummary

_SLICE_NS = 5_000_000  # an emergency stop is noticed within this, however long the period


class Pacer(Protocol):
    """Waits for deadlines and measures how well they were kept."""

    overruns_in_a_row: int

    def wait(self) -> bool:
        """Wait for the deadline; False when interrupted before it."""
        ...

    def done(self) -> None:
        """The cycle's work is done: set the next deadline."""
        ...

    def summary(self) -> TimingSummary:
        """Statistics so far."""
        ...


class WallPacer:
    """Real time.

    Args:
        clock: waited on.
        period_ns: between deadlines.
        is_urgent: asked every few milliseconds while waiting; True ends the wait.
    """

    def __init__(self, clock: Clock, period_ns: int, is_urgent: Callable[[], bool]) -> None:
        self._clock = clock
        self._period_ns = period_ns
        self._is_urgent = is_urgent
        self._timing = LoopTiming(period_ns)
        self._deadline_ns: int | None = None
        self._woke_ns = 0
        self.overruns_in_a_row = 0

    def wait(self) -> bool:
        """Sleep to the deadline, in slices so that an emergency stop need not wait for it."""
        deadline_ns = self._due_ns()
        while True:
            left_ns = deadline_ns - self._clock.now_ns()
            if left_ns <= 0:
                break
            self._clock.sleep_until(deadline_ns - max(0, left_ns - _SLICE_NS))
            if self._is_urgent():
                return False
        self._woke_ns = self._clock.now_ns()
        return True

    def done(self) -> None:
        """Next deadline on the same grid; the ones missed are skipped, not made up for."""
        now_ns, deadline_ns = self._clock.now_ns(), self._due_ns()
        overran = self._timing.record(deadline_ns, self._woke_ns, now_ns)
        self.overruns_in_a_row = self.overruns_in_a_row + 1 if overran else 0
        missed = max(0, now_ns - deadline_ns) // self._period_ns
        self._deadline_ns = deadline_ns + (missed + 1) * self._period_ns

    def _due_ns(self) -> int:
        """The deadline; the grid starts with the first wait, when everything is set up."""
        if self._deadline_ns is None:
            self._deadline_ns = self._clock.now_ns() + self._period_ns
        return self._deadline_ns

    def summary(self) -> TimingSummary:
        """Lateness and work in real time."""
        return self._timing.summary()


class LockstepPacer:
    """Virtual time that jumps to each deadline; only the work is measured, in real time."""

    def __init__(self, clock: Clock, period_ns: int) -> None:
        self._clock = clock
        self._period_ns = period_ns
        self._timing = LoopTiming(period_ns)
        self._deadline_ns = clock.now_ns() + period_ns
        self._woke_ns = 0
        self.overruns_in_a_row = 0

    def wait(self) -> bool:
        """Jump to the deadline."""
        self._clock.sleep_until(self._deadline_ns)
        self._woke_ns = time.monotonic_ns()
        return True

    def done(self) -> None:
        """Next deadline, one period on."""
        now_ns = time.monotonic_ns()
        # Virtual time is never late; a long step is no overrun either.
        work_ns = min(now_ns - self._woke_ns, self._period_ns - 1)
        self._timing.record(self._woke_ns, self._woke_ns, self._woke_ns + work_ns)
        self._deadline_ns += self._period_ns

    def summary(self) -> TimingSummary:
        """Work in real time; lateness is zero."""
        return self._timing.summary()
