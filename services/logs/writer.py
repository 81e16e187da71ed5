"""The thread that writes. Whoever logs puts an event into a queue, or it counts as dropped."""

import math
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from services.logs.fields import Scalar
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


PERIOD_S = 10.0
KINDS_MAX = 256

Kind = tuple[Scalar, ...]


@dataclass(frozen=True)
class Limit:
    """Of one event: so many in each PERIOD_S.

    Attributes:
        burst: how many.
        fields: that make two of them the same kind; each kind is counted by itself.
    """

    burst: int
    fields: tuple[str, ...] = ()


LIMITS: Mapping[Scalar, Limit] = {
    "call_refused": Limit(10, ("method", "reason")),
    "call_failed": Limit(10, ("method",)),
    "emergency_stop": Limit(10),
    "output": Limit(200),
}


@dataclass
class _Window:
    end_s: float
    seen: int = 0


class RateLimit:
    """Lets so many events of a kind pass in each period; one thread uses it."""

    def __init__(self, limits: Mapping[Scalar, Limit] = LIMITS, period_s: float = PERIOD_S) -> None:
        self._limits = limits
        self._period_s = period_s
        self._windows: dict[Kind, _Window] = {}

    def admits(self, event: Mapping[str, Scalar], now_s: float) -> bool:
        """Whether this event is to be logged."""
        name = event.get("event")
        limit = self._limits.get(name)
        if limit is None:
            return True
        kind = (name, *(event.get(field) for field in limit.fields))
        if kind not in self._windows and len(self._windows) >= KINDS_MAX:
            kind = (name,)
        window = self._windows.setdefault(kind, _Window(now_s + self._period_s))
        window.seen += 1
        return window.seen <= limit.burst

    def settle(self, now_s: float) -> Iterator[dict[str, Scalar]]:
        """Events that tell what was held back in the periods that are over; `inf` ends all."""
        for kind in [kind for kind, window in self._windows.items() if window.end_s <= now_s]:
            limit = self._limits[kind[0]]
            held_back = self._windows.pop(kind).seen - limit.burst
            if held_back > 0:
                fields = dict(zip(limit.fields, kind[1:], strict=False))
                yield {"event": "log_rate_limited", "of": kind[0], "count": held_back, **fields}


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
