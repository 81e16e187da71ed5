"""How often a servo may be restarted: one that shuts itself down again and again is in trouble."""

import time
from collections import deque
from collections.abc import Callable

from services.errors import refusal

REBOOTS_MAX = 3
WINDOW_S = 600.0
COOL_DOWN_S = 5.0


class RebootLimit:
    """Counts restarts of each joint's servo; kept by the service process, which outlives faults."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._times: dict[str, deque[float]] = {}

    def left(self, joint: str) -> int:
        """Restarts that are allowed within the present window."""
        times = self._times.get(joint, deque())
        while times and times[0] <= self._now_s() - WINDOW_S:
            times.popleft()
        return REBOOTS_MAX - len(times)

    def check(self, joint: str) -> None:
        """Make sure that it may be restarted now.

        Raises:
            ServiceError: REBOOT_LIMIT; says when.
        """
        left, now_s = self.left(joint), self._now_s()
        times = self._times.get(joint, deque())
        wait_s = times[0] + WINDOW_S - now_s if left < 1 else 0.0
        if times:
            wait_s = max(wait_s, times[-1] + COOL_DOWN_S - now_s)
        if wait_s > 0.0:
            raise refusal(
                "REBOOT_LIMIT",
                f"the servo of {joint!r} was rebooted {len(times)} times in {WINDOW_S / 60:g} min, "
                f"limit {REBOOTS_MAX}, at least {COOL_DOWN_S:g} s apart; find out why it shuts "
                f"down, or wait {wait_s:.0f} s",
                [("joint", joint)],
            )

    def count(self, joint: str) -> None:
        """It is being restarted."""
        self._times.setdefault(joint, deque()).append(self._now_s())
