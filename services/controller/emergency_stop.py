"""The emergency stop as the service process carries it out: ordered first, then told.

The control process takes torque off and confirms it. One that does neither is killed, and torque is
taken off without it. E_STOPPED is shown once something has confirmed the stop.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

import structlog

from services.controller.control_channel import ControlChannel
from services.controller.episode_events import Event
from services.controller.stop_confirmation import StopConfirmation, Stopped
from services.controller.torque_off import LastResort
from services.controller.view import ControlView, new_fault

GONE_S = 1.0  # what a killed process needs to let go of the robot's port
BY_START_S = 6.0  # a control process that is being started confirms it within this
_POLL_S = 0.001

log = structlog.get_logger()


class EmergencyStop:
    """Orders stops and keeps `view` true about them."""

    def __init__(
        self, view: ControlView, confirmation: StopConfirmation, last_resort: LastResort
    ) -> None:
        self._view = view
        self._confirmation = confirmation
        self._last_resort = last_resort
        self._failed: tuple[str, ...] = ()  # joints that did not confirm the last stop

    async def order(self, reason: str, channel: ControlChannel | None) -> Stopped:
        """Torque off, latched; returns when that is confirmed or has been given up.

        Args:
            channel: None while there is no control process.
        """
        request = 0 if channel is None else channel.request_estop()
        view = self._view
        view.stop_fault = new_fault("EMERGENCY_STOP", reason)
        view.is_stop_awaited = True
        log.warning("emergency_stop", reason=reason)
        stopped = None if channel is None else await self._confirmation.of(channel, request)
        if stopped is None:
            return await self._stop_without(channel)
        self._confirm(stopped.torque_off_failed)
        return stopped

    def take(self, event: Event) -> None:
        """An "estop" event: the control process has stopped the robot."""
        self._confirmation.take(event)
        self._confirm(event["torque_off_failed"])

    async def _stop_without(self, channel: ControlChannel | None) -> Stopped:
        is_starting = self._view.is_starting
        if channel is not None:
            await _kill(channel)
        unconfirmed = await asyncio.shield(self._last_resort.begin())
        if unconfirmed and is_starting:  # whoever is being started may have the robot's port
            if await self._is_confirmed_by_start():
                return Stopped(self._view.lifecycle, time.monotonic_ns(), self._failed)
            unconfirmed = await asyncio.shield(self._last_resort.begin())
        if not unconfirmed:
            self._confirm(())
        return Stopped(self._view.lifecycle, time.monotonic_ns(), unconfirmed)

    async def _is_confirmed_by_start(self) -> bool:
        """Whether the control process that is being started confirms it: it is told as soon as it
        has started."""
        view, deadline = self._view, time.monotonic() + BY_START_S
        while view.is_stop_awaited:
            if time.monotonic() > deadline or not (view.is_starting or view.alive):
                return False
            await asyncio.sleep(_POLL_S)
        return True

    def _confirm(self, torque_off_failed: Sequence[str]) -> None:
        self._failed = tuple(torque_off_failed)
        self._view.is_stop_awaited = False
        fault = self._view.stop_fault
        said = f"; torque may still be on in {', '.join(torque_off_failed)}: cut their power"
        if fault is not None and torque_off_failed and not fault.message.endswith(said):
            self._view.stop_fault = replace(fault, message=fault.message + said)


async def _kill(channel: ControlChannel) -> None:
    """End a control process that does not answer, so that its port can be used."""
    if channel.pid is None:
        return
    channel.kill()
    deadline = time.monotonic() + GONE_S
    while channel.exit_code is None and time.monotonic() < deadline:
        await asyncio.sleep(_POLL_S)
