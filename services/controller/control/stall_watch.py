"""Notices that the robot was left alone for too long while its torque was on.

Servos with a watchdog have stopped by themselves by then, wherever they were: going on as if
nothing had happened would send them a goal from before. The cause may be a stopped or starved
process, or a machine that was suspended; only CLOCK_BOOTTIME runs on in the latter.
"""

import time
from collections.abc import Callable

from services.controller.control.control_fault import ControlFaultError


def boot_time_ns() -> int:
    """CLOCK_BOOTTIME: like CLOCK_MONOTONIC, but it counts the time in suspend too."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class StallWatch:
    """Time since the last contact with the robot.

    Args:
        limit_s: longest gap while torque is on; None for a robot that bears any.
    """

    def __init__(self, limit_s: float | None, now_ns: Callable[[], int] = boot_time_ns) -> None:
        self._limit_ns = None if limit_s is None else round(limit_s * 1e9)
        self._now_ns = now_ns
        self._contact_ns: int | None = None

    def touched(self) -> None:
        """The robot has been read or written just now."""
        if self._limit_ns is not None:
            self._contact_ns = self._now_ns()

    def forget(self) -> None:
        """Torque is off: the next contact begins a new watch."""
        self._contact_ns = None

    def check(self) -> None:
        """Call before each contact, and after it: the process may have stood still within.

        Raises:
            ControlFaultError: the last one is too long ago; the robot has stopped by itself.
        """
        if self._limit_ns is None or self._contact_ns is None:
            return
        gap_ns = self._now_ns() - self._contact_ns
        if gap_ns > self._limit_ns:
            self.forget()
            raise ControlFaultError(
                "STATE_STALE",
                f"the robot was left alone for {gap_ns / 1e9:.3f} s with torque on, limit "
                f"{self._limit_ns / 1e9:g} s: this process or machine stood still",
                controlled=False,
            )
