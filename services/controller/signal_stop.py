"""The emergency stop by SIGUSR1: taken by a thread, so that it needs neither gRPC nor event loop.

The thread puts the stop into the memory that it shares with the control process, waits there for
its confirmation, and answers in the controller's file. The event loop latches and logs the stop
when it gets to it.
"""

import asyncio
import contextlib
import os
import signal
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import structlog

from hal.lifecycle import Lifecycle
from services.controller.control_channel import ControlChannel
from services.controller.stop_confirmation import Stopped
from services.controller.supervisor import ControlSupervisor
from services.estop.by_signal import REASON_MAX, reason_path
from services.ipc.words import Word, joints_of
from services.local_daemons import Announcement

SIGNAL = signal.SIGUSR1
CONFIRM_S = 8.0  # on a busy machine; who asked waits a little longer
_POLL_S = 0.001

log = structlog.get_logger()


class StopSignal:
    """The signal, kept for the one thread that takes it; construct in the main thread.

    It is blocked in this thread and in all that begin later, so that it is taken at once whatever
    they do; `mbctl controller` blocks it before it imports anything. A library's thread that began
    before may get it all the same: then a handler, in the main thread, passes it on.
    """

    def __init__(self) -> None:
        self._taker: int | None = None
        self._came_early = False
        signal.pthread_sigmask(signal.SIG_BLOCK, {SIGNAL})
        signal.signal(SIGNAL, self._pass_on)

    def wait(self) -> int:
        """Wait for the next one; the process id of its sender, 0 where that is not known."""
        self._taker = threading.get_ident()
        if self._came_early:
            self._came_early = False
            return 0
        sender = signal.sigwaitinfo({SIGNAL}).si_pid
        return 0 if sender == os.getpid() else sender

    def _pass_on(self, _number: int, _frame: object) -> None:
        if self._taker is None:
            self._came_early = True
        else:
            signal.pthread_kill(self._taker, SIGNAL)


class SignalStop:
    """Takes SIGUSR1 for the rest of the process's life; construct in the event loop."""

    def __init__(
        self,
        stop_signal: StopSignal,
        supervisor: ControlSupervisor,
        joint_names: tuple[str, ...],
        announcement: Announcement,
    ) -> None:
        self._signal = stop_signal
        self._supervisor = supervisor
        self._joint_names = joint_names
        self._announcement = announcement
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="stop-signal", daemon=True)

    def start(self) -> None:
        """Take signals from now on, and one that has come since `StopSignal` was constructed."""
        self._thread.start()

    def _run(self) -> None:
        while True:
            sender = self._signal.wait()
            try:
                self._stop(sender)
            except Exception:  # outermost frame of the thread: the next signal is taken too
                log.exception("stop_signal_failed", sender=sender)

    def _stop(self, sender: int) -> None:
        received_ns = time.monotonic_ns()
        channel = self._supervisor.channel
        request = 0 if channel is None else channel.request_estop()
        order = self._order(_reason(self._announcement.path, sender))
        self._announcement.answer(self._answer(channel, request, order, received_ns))

    def _order(self, reason: str) -> "Future[Stopped] | None":
        """Have the event loop latch it, log it, and take torque off where nobody else does."""
        order = self._supervisor.emergency_stop(reason)
        try:
            return asyncio.run_coroutine_threadsafe(order, self._loop)
        except RuntimeError:  # the loop has ended
            order.close()
            return None

    def _answer(
        self,
        channel: ControlChannel | None,
        request: int,
        order: "Future[Stopped] | None",
        received_ns: int,
    ) -> dict[str, Any]:
        deadline = time.monotonic() + CONFIRM_S
        while time.monotonic() < deadline:
            if channel is not None and channel.word(Word.ESTOP_DONE) >= request:
                unconfirmed = joints_of(self._joint_names, channel.word(Word.ESTOP_UNCONFIRMED))
                done_ns = channel.word(Word.ESTOP_DONE_NS)
                return _told(Lifecycle.E_STOPPED, done_ns - received_ns, unconfirmed)
            if order is None and (channel is None or channel.exit_code is not None):
                break
            if order is not None and order.done():
                stopped = order.result()
                took_ns = stopped.done_ns - received_ns
                return _told(stopped.lifecycle, took_ns, stopped.torque_off_failed)
            time.sleep(_POLL_S)
        return {"message": "nothing has confirmed that torque is off: cut the power"}


def _told(lifecycle: Lifecycle, took_ns: int, unconfirmed: tuple[str, ...]) -> dict[str, Any]:
    return {
        "lifecycle": lifecycle.name,
        "latency_ms": took_ns / 1e6,
        "torque_off_failed": list(unconfirmed),
    }


def _reason(daemon_file: Path, sender: int) -> str:
    """What the sender left for it, or who the sender is."""
    path = reason_path(daemon_file)
    text = ""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            text = file.read(4 * REASON_MAX).decode(errors="replace")
        path.unlink(missing_ok=True)
    words = "".join(c for c in text[:REASON_MAX] if c.isprintable())
    return words or (f"{SIGNAL.name} from process {sender}" if sender else SIGNAL.name)
