"""Restarts servos that have shut themselves down: one by its joint, or all that have."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from services.controller.supervisor import ControlSupervisor
from services.controller.view import ControlView
from services.errors import ServiceError, refusal

HEALTH_S = 3.0  # the control process tells of its servos once a second
_POLL_S = 0.02

# No servo was tried, and none of the others can be.
_NOT_TRIED = ("WRONG_LIFECYCLE", "NO_SERVOS", "CONTROL_PROCESS_DIED", "CONTROL_PROCESS_SILENT")


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


class ServoReboots:
    """Reboots within the limit of each servo; torque is off and stays off."""

    def __init__(self, supervisor: ControlSupervisor, view: ControlView) -> None:
        self._supervisor = supervisor
        self._view = view
        self._limit = RebootLimit()

    def left(self, joints: list[str]) -> int:
        """Restarts that each of these servos may still have for now."""
        return min((self._limit.left(joint) for joint in joints), default=0)

    async def one(self, joint: str) -> None:
        """Restart the servo of a joint.

        Raises:
            ServiceError: REBOOT_LIMIT, REBOOT_FAILED, UNKNOWN_JOINT, or it is not the time for it.
        """
        self._limit.check(joint)
        try:
            await self._supervisor.perform("reboot_servo", joint=joint)
        except ServiceError as error:
            if error.reason not in (*_NOT_TRIED, "UNKNOWN_JOINT"):
                self._limit.count(joint)
            raise
        self._limit.count(joint)

    async def all_latched(self) -> list[str]:
        """Restart every servo that has latched an error; one that fails keeps none from its turn.

        Raises:
            ServiceError: REBOOT_FAILED, says which and why; or it is not the time for it.
        """
        done, failed = [], []
        for joint in await self._latched():
            try:
                await self.one(joint)
            except ServiceError as error:
                if error.reason in _NOT_TRIED:
                    raise
                failed.append(f"{joint}: {error.reason}: {error.message}")
            else:
                done.append(joint)
        if failed:
            rest = f"; {', '.join(done)} are back" if done else ""
            raise refusal("REBOOT_FAILED", f"{'; '.join(failed)}{rest}")
        return done

    async def _latched(self) -> list[str]:
        """By what the servos say now, not by what they said before they latched."""
        self._view.check_reachable()
        asked_ns = time.monotonic_ns()
        deadline = time.monotonic() + HEALTH_S
        while self._view.health_ns <= asked_ns and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_S)
        joints = self._view.health.joints
        if not joints:
            raise refusal("NO_SERVOS", "the robot has no servos that tell of themselves")
        return [joint.name for joint in joints if joint.hardware_error]
