"""The one loop of the bus's process: sleeps until bytes come or something is due."""

import contextlib
import select
import signal
import socket
import sys
from collections.abc import Iterator

from hal.stop_signals import stop_signals
from sim.servo_bus.bus import VirtualBus
from sim.servo_bus.control_socket import ControlSocket
from sim.servo_bus.tracker_feed import TrackerFeed


@contextlib.contextmanager
def catching_stop_signals() -> Iterator[int]:
    """Signals that ask to stop, as a descriptor that becomes readable."""
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in stop_signals():
            signal.signal(number, lambda *_: None)
        try:
            yield reader.fileno()
        finally:
            signal.set_wakeup_fd(-1)


def run_bus(bus: VirtualBus, control: ControlSocket, feed: TrackerFeed | None, stop: int) -> None:
    """Serve until `stop` is readable, or standard input ends where that was asked for."""
    ends = {stop}
    if bus.settings.stop_with_stdin:
        ends.add(sys.stdin.fileno())
    bus.start()
    while True:
        due_ns = min(bus.next_ns(), feed.due_ns if feed else bus.next_ns())
        ready = _wait(bus, control, ends, due_ns)
        now_ns = bus.clock.woke(int(due_ns))
        if not ends.isdisjoint(ready):
            return
        if bus.port.fileno() in ready:
            bus.receive(now_ns)
        bus.advance(now_ns)
        if feed is not None:
            feed.send(now_ns)
        control.serve(ready)


def _wait(bus: VirtualBus, control: ControlSocket, ends: set[int], due_ns: float) -> list[int]:
    waiting = [*ends, *control.filenos()]
    if bus.port.is_plugged and bus.port.drains:
        waiting.append(bus.port.fileno())
    ready, _, _ = select.select(waiting, [], [], bus.clock.remaining_s(due_ns))
    return ready
