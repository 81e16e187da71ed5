"""The queue and its thread: nothing that logs waits, and what was lost is told."""

import json
import os
import threading
import time

import pytest

from services.logs.render import as_json
from services.logs.sinks import StreamSink
from services.logs.writer import LogWriter

pytestmark = pytest.mark.xdist_group("timing")


class Gate:
    """A sink that takes nothing while it is shut."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.lines: list[dict] = []
        self.takes = True

    def write(self, line: bytes) -> bool:
        self.open.wait()
        if self.takes:
            self.lines.append(json.loads(line))
        return self.takes

    def is_ready(self) -> bool:
        return self.open.is_set()

    def of(self, name: str) -> list[dict]:
        return [line for line in self.lines if line["event"] == name]


def test_events_are_written_in_order_with_the_common_fields():
    gate = Gate()
    gate.open.set()
    writer = LogWriter(gate, as_json, {"service": "s"})
    for number in range(100):
        writer.put({"event": "e", "number": number})
    assert writer.flush()
    assert [line["number"] for line in gate.lines] == list(range(100))
    assert {line["service"] for line in gate.lines} == {"s"}


def test_a_sink_that_takes_nothing_costs_the_caller_nothing_and_the_drops_are_told():
    gate = Gate()
    writer = LogWriter(gate, as_json, capacity=10)
    begun = time.monotonic()
    for number in range(1000):
        writer.put({"event": "e", "number": number, "level": "info"})
    writer.put({"event": "fault", "level": "error"})
    assert time.monotonic() - begun < 0.5
    gate.open.set()
    assert writer.flush()
    writer.put({"event": "later"})
    assert writer.flush()
    kept = len(gate.of("e"))
    assert 10 <= kept <= 12
    assert gate.of("fault"), "errors have places of their own"
    assert sum(line["count"] for line in gate.of("log_dropped")) == 1000 - kept


def test_a_flush_does_not_outlast_its_patience():
    writer = LogWriter(Gate(), as_json)
    writer.put({"event": "e"})
    begun = time.monotonic()
    assert not writer.flush(patience_s=0.2)
    assert 0.2 <= time.monotonic() - begun < 1.5


def test_lines_that_a_sink_loses_are_counted_and_told_when_it_takes_some_again():
    gate = Gate()
    gate.open.set()
    gate.takes = False
    writer = LogWriter(gate, as_json)
    for _ in range(7):
        writer.put({"event": "e"})
    assert writer.flush()
    gate.takes = True
    writer.put({"event": "e"})
    assert writer.flush()
    assert [line["count"] for line in gate.of("log_dropped")] == [7]


def test_an_event_that_cannot_be_rendered_leaves_a_line_and_the_thread_alive():
    gate = Gate()
    gate.open.set()
    writer = LogWriter(gate, as_json)
    writer.put({"event": "e", "value": object()})  # pyright: ignore[reportArgumentType]
    writer.put({"event": "next"})
    assert writer.flush()
    assert [line["event"] for line in gate.lines] == ["log_unreadable", "next"]


def test_putting_is_possible_in_the_midst_of_putting():
    """As from a finalizer that the garbage collector runs there."""
    gate = Gate()
    gate.open.set()
    writer = LogWriter(gate, as_json)

    class Reentrant(dict):
        def get(self, key, default=None):
            writer.put({"event": "inner"})
            return super().get(key, default)

    writer.put(Reentrant(event="outer"))
    assert writer.flush()
    assert gate.of("outer")
    assert gate.of("inner")


def test_many_threads_lose_no_count():
    gate = Gate()
    writer = LogWriter(gate, as_json, capacity=100)

    def spam() -> None:
        for _ in range(500):
            writer.put({"event": "e"})

    threads = [threading.Thread(target=spam) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gate.open.set()
    assert writer.flush()
    told = sum(line["count"] for line in gate.of("log_dropped"))
    assert len(gate.of("e")) + told == 4000


def test_a_full_pipe_that_is_emptied_later_gets_whole_lines():
    reader, end = os.pipe()
    writer = LogWriter(StreamSink(end), as_json)
    os.close(end)
    for number in range(300):
        writer.put({"event": "e", "number": number, "text": "x" * 1000})
    assert not writer.flush(patience_s=0.1)
    received = bytearray()
    while received.count(b"\n") < 300:
        received += os.read(reader, 1000)
    assert [json.loads(line)["number"] for line in received.splitlines()] == list(range(300))
    os.close(reader)
