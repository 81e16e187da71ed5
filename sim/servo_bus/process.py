"""What the process of a bus does around it: it claims names, and serves until a signal to stop.

Link, socket and recording belong to one bus at a time. A name is claimed by a socket of the
kernel's abstract namespace, which ends with its process, however that ends: so what a killed bus
has left under a name is known as stale.
"""

import contextlib
import hashlib
import select
import signal
import socket
import struct
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from hal.stop_signals import stop_signals
from sim.servo_bus.bus import VirtualBus
from sim.servo_bus.control_socket import ControlSocket
from sim.servo_bus.settings import VirtualBusSettingsError
from sim.servo_bus.tracker_feed import TrackerFeed

_CREDENTIALS = struct.Struct("3i")


def claim_names(paths: Mapping[str, str], stack: contextlib.ExitStack) -> None:
    """Claim what is named, until `stack` is closed.

    Args:
        paths: by what they are for; "" claims nothing.

    Raises:
        VirtualBusSettingsError: another bus has one of them, and which process that is; or one is
            given twice.
    """
    seen: dict[Path, str] = {}
    for what, text in paths.items():
        if not text:
            continue
        path = Path(text).parent.resolve() / Path(text).name
        if path in seen:
            raise VirtualBusSettingsError(
                f"{seen[path]} and {what} are both {text}: expected two names"
            )
        seen[path] = what
        stack.enter_context(_claim(what, path))


def _claim(what: str, path: Path) -> socket.socket:
    address = b"\0mbctl-virtual-bus-" + hashlib.sha256(bytes(path)).hexdigest().encode()
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim.bind(address)
        claim.listen()
    except OSError as error:
        claim.close()
        raise VirtualBusSettingsError(
            f"{what} {path} is in use by another virtual bus{_owner(address)}: end that one, or "
            "choose another name"
        ) from error
    return claim


def _owner(address: bytes) -> str:
    """Which process it is, where that can be told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        try:
            probe.connect(address)
            size = _CREDENTIALS.size
            pid, _, _ = _CREDENTIALS.unpack(
                probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
            )
        except OSError:
            return ""
    return f" (process {pid})"


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
