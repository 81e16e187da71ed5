"""Time of the servos: monotonic, less the stalls of this process.

A virtual servo must not see its bus watchdog run out since the emulator was not scheduled for a
while: to a real servo nothing would have happened. So a stall stops its time too.
"""

import time

# Later than this behind a wake-up is a stall.
STALL_NS = 5_000_000


class BusClock:
    """CLOCK_MONOTONIC minus all stalls so far."""

    def __init__(self) -> None:
        self.stalled_ns = 0
        self.longest_stall_ns = 0
        self._latest_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        """Present time; never runs backwards."""
        self._latest_ns = time.monotonic_ns() - self.stalled_ns
        return self._latest_ns

    def remaining_s(self, deadline_ns: float) -> float:
        """Time left until `deadline_ns`, not negative."""
        return max(0.0, (deadline_ns + self.stalled_ns - time.monotonic_ns()) / 1e9)

    def woke(self, deadline_ns: int) -> int:
        """Present time after waiting for `deadline_ns`, less what was lost since then.

        Time that was returned is never taken back.
        """
        resumed_ns = max(deadline_ns, self._latest_ns)
        late_ns = time.monotonic_ns() - self.stalled_ns - resumed_ns
        if late_ns > STALL_NS:
            self.stalled_ns += late_ns
            self.longest_stall_ns = max(self.longest_stall_ns, late_ns)
        return self.now_ns()

    def monotonic_ns(self, bus_ns: int) -> int:
        """CLOCK_MONOTONIC at a recent moment of the bus's time."""
        return bus_ns + self.stalled_ns
