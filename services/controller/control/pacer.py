"""When the next cycle is due: absolute deadlines, and never a burst to catch up."""

import time
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Tending:
    """What a robot wants between two control steps.

    Attributes:
        period_ns: this often.
        tend: may raise; that ends the wait.
    """

    period_ns: int
    tend: Callable[[], None]


class WallPacer:
    """Real time.

    Args:
        clock: waited on.
        period_ns: between deadlines.
        is_urgent: asked every few milliseconds while waiting; True ends the wait.
        tending: done on a grid that begins with each step, which stands for one of them itself.
    """

    def __init__(
        self,
        clock: Clock,
        period_ns: int,
        is_urgent: Callable[[], bool],
        tending: Tending | None = None,
    ) -> None:
        self._clock = clock
        self._period_ns = period_ns
        self._is_urgent = is_urgent
        self._tending = tending
        self._tend_ns = clock.now_ns()
        self._timing = LoopTiming(period_ns)
        self._deadline_ns: int | None = None
        self._woke_ns = 0
        self.overruns_in_a_row = 0

    def wait(self) -> bool:
        """Sleep to the deadline, in slices so that an emergency stop need not wait for it.

        Raises:
            Whatever tending does; the next call goes on waiting.
        """
        deadline_ns = self._due_ns()
        while True:
            self._tend_if_due(deadline_ns)
            now_ns = self._clock.now_ns()
            if now_ns >= deadline_ns:
                break
            self._clock.sleep_until(self._wake_ns(now_ns, deadline_ns))
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
        self._tend_ns = now_ns + (0 if self._tending is None else self._tending.period_ns)

    def _tend_if_due(self, deadline_ns: int) -> None:
        """Tend, unless the step is so near that it comes soon enough and must not be late."""
        tending, now_ns = self._tending, self._clock.now_ns()
        if tending is None or now_ns < self._tend_ns:
            return
        if deadline_ns - now_ns < tending.period_ns // 2:
            return
        self._tend_ns = max(self._tend_ns, now_ns - tending.period_ns) + tending.period_ns
        tending.tend()

    def _wake_ns(self, now_ns: int, deadline_ns: int) -> int:
        """When to look again: the deadline, tending, or the end of a slice."""
        wake_ns = min(deadline_ns, now_ns + _SLICE_NS)
        is_near = self._tending is None or not now_ns < self._tend_ns
        return wake_ns if is_near else min(wake_ns, self._tend_ns)

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
