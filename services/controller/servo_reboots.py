"""Restarts servos that have shut themselves down: one by its joint, or all that have."""

import asyncio
import time

from services.controller.reboots import RebootLimit
from services.controller.supervisor import ControlSupervisor
from services.controller.view import ControlView
from services.errors import ServiceError, refusal

HEALTH_S = 3.0  # the control process tells of its servos once a second
_POLL_S = 0.02

# No servo was tried, and none of the others can be.
_NOT_TRIED = ("WRONG_LIFECYCLE", "NO_SERVOS", "CONTROL_PROCESS_DIED", "CONTROL_PROCESS_SILENT")


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
