"""One life of the control process: its channel, its heartbeat, the pump that drains it."""

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hal.faults import Fault
from mbctl.config import ControlConfig, ControllerConfig
from mbctl.data.layout import RowLayout
from mbctl.policies.manifest import row_layout
from mbctl.tasks.task import Task
from services.controller.control.settings import ControlSettings, LatchedFault
from services.controller.control_channel import ControlChannel, ControlError
from services.controller.episode_events import Event, OpenEpisode, summary_from_event
from services.controller.patience import patience_of
from services.controller.row_pump import RowPump
from services.controller.sealer import ChunkSealer, Provenance
from services.controller.spool import Spool
from services.controller.subscriptions import Subscriptions
from services.controller.torque_off import is_port_there
from services.errors import ServiceError, refusal
from services.ipc.segment import SegmentSizes
from services.transient import is_transient

START_S = 120.0  # imports and a model to compile, on a busy machine
MIB = 1 << 20

Deliver = Callable[[Event], None]


PERIOD_S = 0.05


class Replies:
    """One future for each command on its way; used in the event loop alone."""

    def __init__(self) -> None:
        self._awaited: dict[str, asyncio.Future[None]] = {}

    @contextlib.contextmanager
    def expected(self, command_id: str) -> Iterator[asyncio.Future[None]]:
        """The reply to this command, for the length of the block."""
        reply = self._awaited[command_id] = asyncio.get_running_loop().create_future()
        try:
            yield reply
        finally:
            del self._awaited[command_id]

    def take(self, event: Event) -> None:
        """Pass a "reply" event on to whoever waits for it."""
        reply = self._awaited.get(event["id"])
        if reply is None or reply.done():
            return
        if event["ok"]:
            reply.set_result(None)
        else:
            reply.set_exception(refusal(event["reason"], event["message"]))

    def fail_all(self, error: ServiceError) -> None:
        """Nobody will answer any more."""
        for reply in self._awaited.values():
            if not reply.done():
                reply.set_exception(error)


class Heartbeat:
    """Calls `beat` every PERIOD_S on absolute deadlines, from construction to `stop`."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="service-heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        deadline = time.monotonic()
        while not self._ended.wait(max(0.0, deadline - time.monotonic())):
            self._beat()
            deadline = max(deadline + PERIOD_S, time.monotonic())


@dataclass(frozen=True)
class ControlLink:
    """A running control process. Everything but `stop` returns at once."""

    channel: ControlChannel
    started: Event
    boot_id: str
    heartbeat: Heartbeat
    pump: RowPump

    async def stop(self, timeout_s: float) -> bool:
        """Stop robot and process, drain what they made; False when that took too long."""
        self.pump.stop()
        ended = await asyncio.to_thread(self.pump.join, timeout_s)
        await asyncio.to_thread(self.heartbeat.stop)
        return ended


class ControlLauncher:
    """Starts control processes, one after the other."""

    def __init__(
        self, config: ControllerConfig, task: Task, spool: Spool, subscriptions: Subscriptions
    ) -> None:
        self._config = config
        self._task = task
        self._spool = spool
        self._subscriptions = subscriptions
        self._starting: ControlChannel | None = None
        self.layout: RowLayout = row_layout(task)

    @property
    def is_port_there(self) -> bool:
        """Whether it is worth trying to start one."""
        return is_port_there(self._config.robot)

    async def launch(self, deliver: Deliver, latched: Fault | None = None) -> ControlLink:
        """Start one; `deliver` is called in the event loop.

        Args:
            latched: the fault that it begins with.

        Raises:
            ControlError: why it did not start.
        """
        sizes = SegmentSizes(rows=self._config.row_ring_mb * MIB)
        with naming_shortages(), contextlib.ExitStack() as stack:
            channel = ControlChannel(
                settings_of(self._config, latched),
                sizes=sizes,
                with_cycles=bool(self._subscriptions),
            )
            stack.enter_context(channel)
            self._starting = channel
            stack.callback(self._end_start)
            started = await asyncio.to_thread(channel.start, START_S)
            self._end_start()
            link = self._linked(channel, started, deliver)
            stack.pop_all()  # from here on the pump closes it
        return link

    def give_up(self) -> None:
        """Have one that is starting end; `launch` then raises."""
        if self._starting is not None:
            self._starting.terminate()

    def _end_start(self) -> None:
        self._starting = None

    def _linked(self, channel: ControlChannel, started: Event, deliver: Deliver) -> ControlLink:
        loop = asyncio.get_running_loop()
        boot_id = secrets.token_hex(16)
        pump = RowPump(
            channel,
            self._spool,
            ChunkSealer(self._provenance(started, boot_id)),
            OpenEpisode(self.layout),
            lambda event: summary_from_event(event, self._config.robot.name, self._task.name),
            lambda event: _deliver_soon(loop, deliver, event),
            self._subscriptions,
            patience_of(self._config.clock).close_s,
        )
        pump.start()
        return ControlLink(channel, started, boot_id, Heartbeat(channel.heartbeat), pump)

    def _provenance(self, started: Event, boot_id: str) -> Provenance:
        return Provenance(
            robot=self._config.robot.name,
            task=self._task.name,
            layout_hash=self.layout.hash,
            calibration_version=started["calibration_version"],
            backend=self._config.robot.backend,
            boot_id=boot_id,
        )


@contextlib.contextmanager
def naming_shortages() -> Iterator[None]:
    """A shortage of the system on the way to a control process is a reason for there being none.

    Raises:
        ControlError: RESOURCES_SHORT.
    """
    try:
        yield
    except (OSError, MemoryError, RuntimeError) as error:
        if not is_transient(error):
            raise
        raise ControlError(
            f"no control process can be started now: {error}", reason="RESOURCES_SHORT"
        ) from error


def settings_of(config: ControllerConfig, latched: Fault | None = None) -> ControlSettings:
    """What the control process is told."""
    told = {key: getattr(config, key) for key in ControlConfig.model_fields}
    return ControlSettings(**told, latched=None if latched is None else _latched(latched))


def _latched(fault: Fault) -> LatchedFault:
    return LatchedFault(
        reason=fault.reason,
        message=fault.message,
        stamp_ns=fault.stamp_ns,
        wall_time_ns=fault.wall_time_ns,
    )


def _deliver_soon(loop: asyncio.AbstractEventLoop, deliver: Deliver, event: Event) -> None:
    loop.call_soon_threadsafe(deliver, event)
