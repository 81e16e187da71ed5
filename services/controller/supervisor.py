"""Looks after the control process: starts it, talks to it, notices when it dies, starts it again.

A control process that died leaves a latched fault; nothing restarts it but ClearFault, and it comes
up INACTIVE. One that lost its robot is started again by itself as soon as the robot can be reached,
with the fault still latched. The emergency stop outlives them all.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog

from hal.child import ending_of
from hal.faults import Fault
from hal.lifecycle import Lifecycle
from hal.realtime import RealTimeReport
from mbctl.policies.snapshot import Snapshot
from services.controller.control.exit_codes import CLEAN, ROBOT_LOST
from services.controller.control_channel import ControlChannel, ControlError
from services.controller.emergency_stop import EmergencyStop
from services.controller.episode_events import Event
from services.controller.link import ControlLauncher, ControlLink, Replies, naming_shortages
from services.controller.patience import Patience
from services.controller.planner.host import PlannerHost
from services.controller.reconnection import Reconnection
from services.controller.stop_confirmation import StopConfirmation, Stopped
from services.controller.torque_off import LastResort, TorqueOff
from services.controller.view import ControlView, fault_from_event, health_from_event, new_fault
from services.errors import ServiceError, refusal
from services.ipc.words import Word

_POLL_S = 0.001

# A robot that is not there yet is waited for; any other trouble at the start ends the daemon.
_ABSENT = frozenset({"PORT_MISSING", "PORT_PERMISSION", "PORT_LOST", "RESOURCES_SHORT"})

log = structlog.get_logger()


class ControlSupervisor:
    """Owns the control process; everything here runs in the event loop.

    Args:
        torque_off: for a robot whose torque outlives its control process.
        planner: plans beside the control process where the policy wants it.
        patience: with the control process.
    """

    def __init__(
        self,
        launcher: ControlLauncher,
        view: ControlView,
        joint_names: tuple[str, ...],
        torque_off: TorqueOff | None,
        planner: PlannerHost,
        patience: Patience,
    ) -> None:
        self._patience = patience
        self._launcher = launcher
        self._view = view
        self._listeners: list[Callable[[Event], None]] = []
        self._planner = planner
        self._link: ControlLink | None = None
        # To the control process that was started last, also while it is being stopped.
        self.channel: ControlChannel | None = None
        self._replies = Replies()
        self._lease_deadline_ns = 0
        self._snapshot: Snapshot | None = None
        self._confirmation = StopConfirmation(joint_names)
        self._alive_since_ns = 0
        self._cause = ""
        self._lost: tuple[str, str] | None = None
        self._is_relaxed = False
        self._restart = asyncio.Lock()
        self.reconnection = Reconnection(
            view, self._launch, lambda: launcher.is_port_there, self._restart
        )
        self._last_resort = LastResort(torque_off, view, joint_names, self._restart)
        self._estop = EmergencyStop(view, self._confirmation, self._last_resort)
        self.broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def add_listener(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` in the event loop with each event of the control process.

        It comes after this has seen the event, and once with {"type": "gone"} when the process has
        ended. It must return at once.
        """
        self._listeners.append(listener)

    async def start(self) -> None:
        """Start the control process, or wait for a robot that is not there yet.

        Raises:
            ControlError: why it did not start.
        """
        try:
            await self._launch(None)
        except ControlError as error:
            if error.reason not in _ABSENT:
                raise
            self.reconnection.want(error.reason, error.message)

    def give_up_start(self) -> None:
        """End a control process that is still starting; whoever waits for it hears of that."""
        self._launcher.give_up()

    async def _launch(self, latched: Fault | None) -> None:
        self._view.is_starting = True
        try:
            await self._launch_anew(latched)
        finally:
            self._view.is_starting = False

    async def _launch_anew(self, latched: Fault | None) -> None:
        view = self._view
        await self._last_resort.settle()
        if latched is not None:
            latched = view.control_fault  # with what came of that
        self._confirmation.forget()
        link = await self._linked(latched)
        self.channel = link.channel
        await self._give_planner(link)
        self._link = link
        if view.stop_fault is not None:
            self._link.channel.request_estop()
        self.set_lease(self._lease_deadline_ns)
        if self._snapshot is not None:
            self.put_policy(self._snapshot, False)
        view.read_board = self._link.channel.board
        view.boot_id = self._link.boot_id
        view.real_time = RealTimeReport(**self._link.started["real_time"])
        view.control_fault = latched
        view.alive = True
        self._is_relaxed = False
        self.reconnection.end()
        self._alive_since_ns = time.monotonic_ns()
        log.info("control_started", pid=self._link.channel.pid, boot_id=view.boot_id)

    async def _linked(self, latched: Fault | None) -> ControlLink:
        """Start one; once more where an emergency stop may have been using the port just then."""
        try:
            return await self._launcher.launch(self._take_event, latched)
        except ControlError as error:
            if error.reason != "PORT_BUSY" or self._view.stop_fault is None:
                raise
        await self._last_resort.settle()
        return await self._launcher.launch(self._take_event, latched)

    async def _give_planner(self, link: ControlLink) -> None:
        """A control process that no planner can be attached to is not kept."""
        try:
            with naming_shortages():
                self._planner.attach(link.channel.plan_ends())
        except ControlError:
            await link.stop(self._patience.stop_s)
            raise

    def set_lease(self, deadline_ns: int) -> None:
        """Write the lease's deadline where the control process sees it."""
        self._lease_deadline_ns = deadline_ns
        if self._link is not None:
            self._link.channel.set_lease(deadline_ns)

    def put_policy(self, snapshot: Snapshot, at_step: bool) -> None:
        """Put a checked snapshot into the policy slot, of this and of later control processes."""
        self._snapshot = snapshot
        self._planner.want(snapshot)
        if self._link is not None:
            self._link.channel.publish_policy(snapshot, at_step=at_step)

    async def perform(self, verb: str, *, reply_s: float = 0.0, **arguments: Any) -> None:
        """Send a command and wait for its reply: as long as usual, or `reply_s` if that is longer.

        Raises:
            ServiceError: its refusal; CONTROL_PROCESS_DIED; CONTROL_PROCESS_SILENT; the reason why
                the robot cannot be reached.
        """
        if self._link is None:
            self._view.check_reachable()
            raise self._died()
        try:
            command_id = self._link.channel.send(verb, **arguments)
        except ControlError as error:
            raise _as_service_error(error) from error
        reply_s = max(reply_s, self._patience.reply_s)
        with self._replies.expected(command_id) as reply:
            try:
                async with asyncio.timeout(reply_s):
                    await reply
            except TimeoutError as error:
                message = f"the control process did not answer {verb!r} within {reply_s:g} s"
                raise refusal("CONTROL_PROCESS_SILENT", message) from error

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
        """Torque off, latched; returns when that is confirmed or has been given up."""
        channel = self.channel
        is_there = channel is not None and channel.exit_code is None
        return await self._estop.order(reason, channel if is_there else None)

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
        self._view.stop_fault, self._view.is_stop_awaited = None, False
        known = Lifecycle.FAULT if self._view.control_fault else Lifecycle.INACTIVE
        return await self._settled(known)

    def look(self) -> None:
        """Kill a control process whose loop has stopped turning; its end is noticed as any."""
        channel = self._link.channel if self._link is not None else None
        if channel is None or channel.pid is None:
            return
        if channel.exit_code is not None:
            self._relax()  # whoever drains it may be waiting for a disk
            return
        heard_ns = max(channel.word(Word.CONTROL_HEARTBEAT_NS), self._alive_since_ns)
        silence_s = (time.monotonic_ns() - heard_ns) / 1e9
        if silence_s > self._patience.silence_s:
            self._cause = f"its loop stood still for {silence_s:.1f} s and it was killed"
            channel.kill()

    async def stop(self) -> bool:
        """Stop the robot and end the control process; False when draining it took too long."""
        link, self._link = self._link, None
        self._view.alive = False
        self.give_up_start()
        self.reconnection.end()
        if link is not None:
            link.pump.stop()  # the robot first
        self._planner.detach()
        is_drained = await link.stop(self._patience.stop_s) if link is not None else True
        await self._last_resort.finish()
        return is_drained

    async def _start_again(self) -> Lifecycle:
        try:
            await self._launch(None)
        except ControlError as error:
            self._view.check_reachable()
            message = f"the control process does not start: {error.message}"
            raise refusal("CONTROL_PROCESS_DIED", message) from error
        return await self._settled(
            Lifecycle.E_STOPPED if self._view.stop_fault else Lifecycle.INACTIVE
        )

    async def _settled(self, target: Lifecycle) -> Lifecycle:
        deadline = time.monotonic() + self._patience.settle_s
        while self._view.lifecycle is not target and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_S)
        return self._view.lifecycle

    def _take_event(self, event: Event) -> None:
        kind = event["type"]
        if kind == "reply":
            self._replies.take(event)
        elif kind == "fault":
            self._view.control_fault = fault_from_event(event)
            log.error("fault", reason=event["reason"], message=event["message"])
        elif kind == "health":
            self._view.health = health_from_event(event)
            self._view.health_ns = time.monotonic_ns()
        elif kind == "estop":
            self._estop.take(event)
        elif kind == "ended" and not (event["asked"] and self._has_stopped()):
            self._relax()
        elif kind == "robot_lost":
            self._lost = event["reason"], event["message"]
        elif kind == "stopped":
            self._cause = f"it stopped the robot: {event['cause']}"
        elif kind == "crashed":
            self._cause = event["message"]
            log.error("control_crashed", trace=event["message"])
        elif kind == "pump_failed":
            self._take_broken(event["message"])
        elif kind == "gone":
            self._take_end(event)
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # the others, and the robot, come before one that listens
                log.exception("listener_failed", event_type=kind)

    def _take_broken(self, message: str) -> None:
        """Nobody hears the control process any more, which has been told to end."""
        if not self._has_stopped():
            self._relax()
        if not self.broken.done():
            self.broken.set_result(message)

    def _has_stopped(self) -> bool:
        """Whether the control process that has ended took torque off before."""
        channel = self.channel
        return (
            channel is not None and channel.exit_code == CLEAN and channel.word(Word.STOPPED) == 1
        )

    def _relax(self) -> None:
        """Torque off as soon as the control process has ended, before its rows are stored."""
        if not self._is_relaxed:
            self._is_relaxed = True
            self._last_resort.begin()

    def _take_end(self, event: Event) -> None:
        if event["asked"]:
            return
        link, self._link = self._link, None
        self._view.alive = False
        self._planner.detach()
        lost, self._lost = self._lost, None
        if event["code"] == ROBOT_LOST and lost is not None:
            self.reconnection.want(*lost)
        else:
            self._view.control_fault = self._death(event["code"])
        self._cause = ""
        self._last_resort.begin()
        self._replies.fail_all(self._died())
        if link is not None:
            link.heartbeat.stop()

    def _death(self, code: int) -> Fault:
        why = ending_of(code) + (f", {self._cause}" if self._cause else "")
        log.error("control_process_died", code=code, why=why)
        return new_fault(
            "CONTROL_PROCESS_DIED",
            f"the control process ended ({why[:500]}); clear the fault to start it again",
        )

    def _died(self) -> ServiceError:
        fault = self._view.control_fault
        message = fault.message if fault else "the control process is not running"
        return refusal("CONTROL_PROCESS_DIED", message)


def _as_service_error(error: ControlError) -> ServiceError:
    if error.reason in ("CONTROL_GONE", "CONTROL_SILENT"):
        return refusal("CONTROL_PROCESS_DIED", error.message)
    return refusal(error.reason, error.message)
