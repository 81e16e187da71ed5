"""Looks after the control process: starts it, talks to it, notices when it dies, starts it again.

A control process that died leaves a latched fault; nothing restarts it but ClearFault, and it comes
up INACTIVE. The emergency stop outlives it.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from hal.lifecycle import Lifecycle
from hal.realtime import RealTimeReport
from mbctl.policies.snapshot import Snapshot
from services.controller.channel import ControlError
from services.controller.episode_events import Event
from services.controller.link import ControlLauncher, ControlLink
from services.controller.view import ControlView, fault_from_event, new_fault
from services.errors import ServiceError, refusal
from services.ipc.words import Word

REPLY_S = 10.0
ESTOP_S = 2.0
EVENT_S = 1.0
SETTLE_S = 1.0
STOP_S = 4.5
SILENCE_MAX_S = 3.0
_POLL_S = 0.001

log = structlog.get_logger()


@dataclass(frozen=True)
class Stopped:
    """How an emergency stop ended.

    Attributes:
        done_ns: monotonic time at which torque was confirmed off, or waiting for that was given up.
        torque_off_failed: joints for which it was not confirmed.
    """

    lifecycle: Lifecycle
    done_ns: int
    torque_off_failed: tuple[str, ...]


class ControlSupervisor:
    """Owns the control process; everything here runs in the event loop.

    Args:
        deliver: takes each event of the control process, after this has seen it, and
            {"type": "gone"} when it has ended.
    """

    def __init__(
        self,
        launcher: ControlLauncher,
        view: ControlView,
        joint_names: tuple[str, ...],
        deliver: Callable[[Event], None],
    ) -> None:
        self._launcher = launcher
        self._view = view
        self._joint_names = joint_names
        self._deliver = deliver
        self._link: ControlLink | None = None
        self._replies: dict[str, asyncio.Future[None]] = {}
        self._lease_deadline_ns = 0
        self._snapshot: Snapshot | None = None
        self._stop_event: Event | None = None
        self._alive_since_ns = 0
        self._last_words = ""
        self._restart = asyncio.Lock()
        self.broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Start the control process.

        Raises:
            ControlError: why it did not start.
        """
        view = self._view
        self._stop_event = None
        self._link = await self._launcher.launch(self._take_event)
        if view.stop_fault is not None:
            self._link.channel.request_estop()
        self.set_lease(self._lease_deadline_ns)
        if self._snapshot is not None:
            self.put_policy(self._snapshot, False)
        view.read_board = self._link.channel.board
        view.boot_id = self._link.boot_id
        view.real_time = RealTimeReport(**self._link.started["real_time"])
        view.control_fault = None
        view.alive = True
        self._alive_since_ns = time.monotonic_ns()
        log.info("control_started", pid=self._link.channel.pid, boot_id=view.boot_id)

    def set_lease(self, deadline_ns: int) -> None:
        """Write the lease's deadline where the control process sees it."""
        self._lease_deadline_ns = deadline_ns
        if self._link is not None:
            self._link.channel.set_lease(deadline_ns)

    def put_policy(self, snapshot: Snapshot, at_step: bool) -> None:
        """Put a checked snapshot into the policy slot, of this and of later control processes."""
        self._snapshot = snapshot
        if self._link is not None:
            self._link.channel.publish_policy(snapshot, at_step=at_step)

    async def perform(self, verb: str, **arguments: Any) -> None:
        """Send a command and wait for its reply.

        Raises:
            ServiceError: its refusal; CONTROL_PROCESS_DIED; CONTROL_PROCESS_SILENT.
        """
        if self._link is None:
            raise self._died()
        try:
            command_id = self._link.channel.send(verb, **arguments)
        except ControlError as error:
            raise _as_service_error(error) from error
        reply = asyncio.get_running_loop().create_future()
        self._replies[command_id] = reply
        try:
            async with asyncio.timeout(REPLY_S):
                await reply
        except TimeoutError as error:
            message = f"the control process did not answer {verb!r} within {REPLY_S:g} s"
            raise refusal("CONTROL_PROCESS_SILENT", message) from error
        finally:
            self._replies.pop(command_id, None)

    async def change(self, verb: str, target: Lifecycle) -> Lifecycle:
        """Perform a lifecycle change and wait until it shows; returns the state that shows.

        Raises:
            ServiceError: as `perform`.
        """
        await self.perform(verb)
        return await self._settled(target)

    async def clear_fault(self) -> Lifecycle:
        """End FAULT; starts the control process again where it died. Never starts motion.

        Raises:
            ServiceError: there is no fault, or it does not start.
        """
        async with self._restart:
            if self._link is None:
                return await self._start_again()
        if self._view.stop_fault is not None:
            raise refusal(
                "E_STOPPED", "the emergency stop is latched: release it with ReleaseEmergencyStop"
            )
        await self.perform("clear_fault")
        self._view.control_fault = None
        return await self._settled(Lifecycle.INACTIVE)

    async def emergency_stop(self, reason: str) -> Stopped:
        """Torque off, latched; returns when the control process has confirmed it."""
        self._view.stop_fault = new_fault("EMERGENCY_STOP", reason)
        log.warning("emergency_stop", reason=reason)
        if self._link is None:
            return Stopped(Lifecycle.E_STOPPED, time.monotonic_ns(), self._joint_names)
        channel = self._link.channel
        request = channel.request_estop()
        deadline = time.monotonic() + ESTOP_S
        while channel.word(Word.ESTOP_DONE) < request:
            if time.monotonic() > deadline or channel.exit_code is not None:
                return Stopped(Lifecycle.E_STOPPED, time.monotonic_ns(), self._joint_names)
            await asyncio.sleep(_POLL_S)
        done_ns = channel.word(Word.ESTOP_DONE_NS)
        return Stopped(Lifecycle.E_STOPPED, done_ns, await self._unconfirmed(request))

    async def release_emergency_stop(self) -> Lifecycle:
        """End E_STOPPED; the robot is INACTIVE, or in the fault it had before.

        Raises:
            ServiceError: NOT_E_STOPPED, or as `perform`.
        """
        if self._view.stop_fault is None:
            name = self._view.lifecycle.name
            raise refusal("NOT_E_STOPPED", f"no emergency stop is latched, the robot is {name}")
        if self._link is not None:
            await self.perform("release_estop")
        self._view.stop_fault = None
        known = Lifecycle.FAULT if self._view.control_fault else Lifecycle.INACTIVE
        return await self._settled(known)

    def kill_if_silent(self) -> None:
        """Kill a control process whose loop has stopped turning; its end is noticed as any."""
        channel = self._link.channel if self._link is not None else None
        if channel is None or channel.pid is None or channel.exit_code is not None:
            return
        heard_ns = max(channel.word(Word.CONTROL_HEARTBEAT_NS), self._alive_since_ns)
        silence_s = (time.monotonic_ns() - heard_ns) / 1e9
        if silence_s > SILENCE_MAX_S:
            self._last_words = f"its loop stood still for {silence_s:.1f} s and it was killed"
            os.kill(channel.pid, signal.SIGKILL)

    async def stop(self) -> bool:
        """Stop the robot and end the control process; False when draining it took too long."""
        link, self._link = self._link, None
        self._view.alive = False
        return await link.stop(STOP_S) if link is not None else True

    async def _start_again(self) -> Lifecycle:
        try:
            await self.start()
        except ControlError as error:
            message = f"the control process does not start: {error.message}"
            raise refusal("CONTROL_PROCESS_DIED", message) from error
        return await self._settled(
            Lifecycle.E_STOPPED if self._view.stop_fault else Lifecycle.INACTIVE
        )

    async def _settled(self, target: Lifecycle) -> Lifecycle:
        deadline = time.monotonic() + SETTLE_S
        while self._view.lifecycle is not target and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_S)
        return self._view.lifecycle

    async def _unconfirmed(self, request: int) -> tuple[str, ...]:
        """Joints whose torque-off failed, as told in an event that is already in the ring."""
        deadline = time.monotonic() + EVENT_S
        while (event := self._stop_event) is None or event["request"] < request:
            if time.monotonic() > deadline:
                return self._joint_names
            await asyncio.sleep(_POLL_S)
        return tuple(event["torque_off_failed"])

    def _take_event(self, event: Event) -> None:
        kind = event["type"]
        if kind == "reply":
            self._take_reply(event)
        elif kind == "fault":
            self._view.control_fault = fault_from_event(event)
            log.error("fault", reason=event["reason"], message=event["message"])
        elif kind == "estop":
            self._stop_event = event
        elif kind == "stopped":
            self._last_words = f"it stopped the robot: {event['cause']}"
        elif kind == "crashed":
            self._last_words = event["message"]
            log.error("control_crashed", trace=event["message"])
        elif kind == "pump_failed" and not self.broken.done():
            self.broken.set_result(event["message"])
        elif kind == "gone":
            self._take_end(event)
        self._deliver(event)

    def _take_reply(self, event: Event) -> None:
        reply = self._replies.get(event["id"])
        if reply is None or reply.done():
            return
        if event["ok"]:
            reply.set_result(None)
        else:
            reply.set_exception(refusal(event["reason"], event["message"]))

    def _take_end(self, event: Event) -> None:
        if event["asked"]:
            return
        link, self._link = self._link, None
        self._view.alive = False
        why = f"exit code {event['code']}" + (f", {self._last_words}" if self._last_words else "")
        self._view.control_fault = new_fault(
            "CONTROL_PROCESS_DIED",
            f"the control process ended ({why[:500]}); clear the fault to start it again",
        )
        self._last_words = ""
        log.error("control_process_died", code=event["code"], why=why)
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(self._died())
        if link is not None:
            link.heartbeat.stop()

    def _died(self) -> ServiceError:
        fault = self._view.control_fault
        message = fault.message if fault else "the control process is not running"
        return refusal("CONTROL_PROCESS_DIED", message)


def _as_service_error(error: ControlError) -> ServiceError:
    if error.reason in ("CONTROL_GONE", "CONTROL_SILENT"):
        return refusal("CONTROL_PROCESS_DIED", error.message)
    return refusal(error.reason, error.message)
