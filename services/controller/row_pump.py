"""The thread between the control process and the spool: rows into chunks, chunks onto the disk.

Events about episodes are passed on only when the rows before them are durable, so that whoever
hears that an episode has finished can rely on its rows. While the spool cannot write they are
passed on at once, because then somebody has to react; a batch whose rows are not stored has failed.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

import structlog

from mbctl.data.chunk import EpisodeSummary
from services.controller.control_channel import ControlChannel
from services.controller.episode_events import Event, OpenEpisode
from services.controller.sealer import ChunkSealer
from services.controller.spool import Spool
from services.controller.subscriptions import Subscriptions
from services.ipc.row_message import RowMessage

log = structlog.get_logger()

PERIOD_S = 0.005
RETRY_S = 0.25
EPISODE_EVENTS = frozenset({"episode_started", "episode_finished", "episodes_done"})


class RowPump:
    """Drains one control process until it is gone; then delivers a "gone" event and ends.

    Args:
        close_s: a control process that is told to end is killed after this.
    """

    def __init__(
        self,
        channel: ControlChannel,
        spool: Spool,
        sealer: ChunkSealer,
        episode: OpenEpisode,
        summarise: Callable[[Event], EpisodeSummary],
        deliver: Callable[[Event], None],
        subscriptions: Subscriptions,
        close_s: float,
    ) -> None:
        self._close_s = close_s
        self._channel = channel
        self._spool = spool
        self._sealer = sealer
        self._episode = episode
        self._summarise = summarise
        self._deliver = deliver
        self._subscriptions = subscriptions
        self._rows: deque[RowMessage] = deque()
        self._taken = 0  # rows given to the sealer
        self._finished: deque[Event] = deque()  # whose last rows are not sealed yet
        self._held: deque[Event] = deque()  # not passed on yet
        self._retry_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="row-pump", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the control process to stop the robot and end; the thread ends after it."""
        self._stopping.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; whether it has come."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with self._channel:
                self._drain_to_the_end()
        except Exception as error:  # outermost frame of the thread
            log.exception("row_pump_failed")
            self._deliver({"type": "pump_failed", "message": f"{type(error).__name__}: {error}"})

    def _drain_to_the_end(self) -> None:
        deadline = time.monotonic()
        while not self._stopping.is_set() and self._channel.exit_code is None:
            self._pass()
            deadline = max(deadline + PERIOD_S, time.monotonic())
            self._stopping.wait(deadline - time.monotonic())
        code = self._channel.close(self._close_s)
        self._deliver({"type": "ended", "asked": self._stopping.is_set()})
        self._end()
        self._deliver({"type": "gone", "code": code, "asked": self._stopping.is_set()})

    def _pass(self) -> None:
        self._receive()
        self._seal()
        self._spool.enqueue(self._sealer.seal_aged(time.monotonic_ns()))
        if time.monotonic() >= self._retry_at and not self._spool.write():
            self._retry_at = time.monotonic() + RETRY_S
        while self._held and (self._spool.refusal or self._is_durable(self._held[0])):
            self._pass_on(self._held.popleft())

    def _end(self) -> None:
        self._receive()
        self._seal()
        event = self._episode.cut_short()
        if event is not None:
            self._held.append(event)
        self._spool.enqueue(self._sealer.finish(self._summarise(event) if event else None))
        self._spool.write()
        while self._held:
            self._pass_on(self._held.popleft())

    def _pass_on(self, event: Event) -> None:
        if event["type"] == "episodes_done" and event["ok"] and not self._is_durable(event):
            event = {**event, "ok": False, **self._why_not_stored()}
        self._deliver(event)

    def _why_not_stored(self) -> dict[str, str]:
        if (why := self._spool.refusal) is not None:
            return {"reason": why.reason, "message": why.message}
        return {"reason": "STORE_BUSY", "message": f"rows are not stored: {self._spool.error}"}

    def _receive(self) -> None:
        drained = self._channel.drain()
        self._rows.extend(drained.rows)
        self._subscriptions.put_cycles(drained.cycles)
        for event in drained.events:
            if event["type"] == "episode_finished":
                self._finished.append(event)
            if event["type"] in EPISODE_EVENTS:
                self._episode.take_event(event)
                self._held.append(event)
            else:
                self._deliver(event)

    def _seal(self) -> None:
        while self._rows:
            self._seal_finished()
            row = self._rows[0]
            if self._sealer.open_episode not in ("", row.episode_id) and not self._finished:
                # The end of an episode was announced before the next one's first row.
                self._receive()
                self._seal_finished()
            self._rows.popleft()
            self._episode.take_row(row)
            self._spool.enqueue(self._sealer.add(row, time.monotonic_ns()))
            self._taken += 1
        self._seal_finished()

    def _seal_finished(self) -> None:
        while self._finished and self._taken >= self._finished[0]["rows_total"]:
            episode = self._summarise(self._finished.popleft())
            if self._sealer.open_episode == episode.episode_id:
                self._spool.enqueue(self._sealer.finish(episode))

    def _is_durable(self, event: Event) -> bool:
        if event["type"] == "episode_started":
            return True
        return not self._finished and not self._spool.waiting
