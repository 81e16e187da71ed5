"""The thread that writes. Whoever logs puts an event into a queue, or it counts as dropped."""

import math
import queue
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from services.logs.fields import Scalar
from services.logs.rate_limit import RateLimit
from services.logs.render import Render
from services.logs.sinks import Sink

CAPACITY = 4096
RESERVE = 512  # places for warnings and errors alone
PATIENCE_S = 0.2  # so long the end waits for a reader who does not read
FLUSH_S = 2.0  # and so long for a machine that is busy
_LOOK_S = 1.0
_POLL_S = 0.02
_WEIGHTY = frozenset({"warning", "error", "critical"})

Event = Mapping[str, Scalar]


class LogWriter:
    """Writes events to a sink, in order; `put` may be called from any thread and any hook.

    The queue is a SimpleQueue because its `put` may be entered again by a garbage collection or a
    signal in its midst.

    Args:
        common: fields that every line carries.
    """

    def __init__(
        self, sink: Sink, render: Render, common: Event | None = None, capacity: int = CAPACITY
    ) -> None:
        self._sink = sink
        self._render = render
        self._common = dict(common or {})
        self._capacity = capacity
        self._queue: queue.SimpleQueue[Event | threading.Event] = queue.SimpleQueue()
        self._limit = RateLimit()
        self._counting = threading.RLock()  # held for an addition, never while waiting
        self._dropped = 0
        threading.Thread(target=self._run, name="log-writer", daemon=True).start()

    def put(self, event: Event) -> None:
        """Take an event whose values nobody changes any more, or drop it where there is no room."""
        room = self._capacity + (RESERVE if event.get("level") in _WEIGHTY else 0)
        if self._queue.qsize() < room:
            self._queue.put(event)
        else:
            self._count_drops(1)

    def flush(self, patience_s: float = PATIENCE_S, limit_s: float = FLUSH_S) -> bool:
        """Wait until all so far is written; whether it is.

        Args:
            patience_s: at most so long while the sink takes nothing.
            limit_s: at most so long altogether.
        """
        written = threading.Event()
        self._queue.put(written)
        begun = ready = time.monotonic()
        while not written.wait(_POLL_S):
            now = time.monotonic()
            ready = now if self._sink.is_ready() else ready
            if now - ready > patience_s or now - begun > limit_s:
                return False
        return True

    def _count_drops(self, count: int) -> None:
        with self._counting:
            self._dropped += count

    def _take_drops(self) -> int:
        with self._counting:
            dropped, self._dropped = self._dropped, 0
        return dropped

    def _run(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=_LOOK_S)
            except queue.Empty:
                item = None
            if isinstance(item, threading.Event):
                self._tell_rest(math.inf)
                item.set()
                continue
            self._tell_rest(time.monotonic())
            if item is not None and self._limit.admits(item, time.monotonic()):
                self._write(item)

    def _tell_rest(self, now_s: float) -> None:
        """What was held back or dropped before."""
        for event in self._limit.settle(now_s):
            self._write({**event, **_now("info")})
        if dropped := self._take_drops():
            told = self._write({"event": "log_dropped", "count": dropped, **_now("warning")})
            self._count_drops(0 if told else dropped - 1)  # it has counted itself

    def _write(self, event: Event) -> bool:
        try:
            line = self._render({**self._common, **event})
        except Exception as error:  # noqa: BLE001 - a log line is no reason to fail
            line = self._render({"event": "log_unreadable", "error": type(error).__name__})
        if not (is_written := self._sink.write(line)):
            self._count_drops(1)
        return is_written


def _now(level: str) -> dict[str, Scalar]:
    return {"level": level, "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
