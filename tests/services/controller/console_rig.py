"""`mbctl controller` as a person starts it, with an output that something happens to."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hal.lifecycle import Lifecycle
from services.client import ControllerClient
from services.client.lease import HeldLease
from sim.servo_bus.client import RunningBus
from tests.services.controller.conftest import make_config, wait_until

PATIENT = {"watchdog_s": 1.0, "comm_fault_s": 1.0, "cycle_budget_s": 0.04}


class Output:
    """Where a daemon's stderr leads; `spoil` is what happens to it in the midst of the work."""

    def __init__(self) -> None:
        self.reader, self.end = self.open()

    def open(self) -> tuple[int, int]:
        """The reader's descriptor and the daemon's."""
        return os.pipe()

    def spoil(self) -> None:
        """Make it useless."""

    def close(self) -> None:
        for descriptor in (self.reader, self.end):
            with contextlib.suppress(OSError):
                os.close(descriptor)


class ReaderGone(Output):
    """`mbctl controller 2>&1 | tee log`, and tee ends."""

    def spoil(self) -> None:
        os.close(self.reader)


class Full(Output):
    """A reader who never reads, and a pipe that takes next to nothing."""

    def open(self) -> tuple[int, int]:
        reader, end = os.pipe()
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
        return reader, end


class Slow(Full):
    """A reader who takes ten bytes a second."""

    def spoil(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while os.read(self.reader, 1):
                time.sleep(0.1)


class Terminal(Output):
    """A terminal whose output nobody pauses."""

    def __init__(self) -> None:
        super().__init__()
        self._is_shown = True
        threading.Thread(target=self._show, daemon=True).start()

    def open(self) -> tuple[int, int]:
        return pty.openpty()

    def _show(self) -> None:
        with contextlib.suppress(OSError):
            while os.read(self.reader, 4096):
                pass


class Hangup(Terminal):
    """The terminal, or the ssh session, is closed: SIGHUP to all in its foreground."""

    def spoil(self) -> None:
        os.close(self.end)
        self._is_shown = False

    def _show(self) -> None:
        while self._is_shown:
            if select.select([self.reader], [], [], 0.02)[0]:
                os.read(self.reader, 4096)
        os.close(self.reader)


class Paused(Terminal):
    """Ctrl-S."""

    def spoil(self) -> None:
        termios.tcflow(self.end, termios.TCOOFF)


class DiskFull(Output):
    """`2> log` on a disk without room."""

    def open(self) -> tuple[int, int]:
        return os.open(os.devnull, os.O_RDONLY), os.open("/dev/full", os.O_WRONLY)


class Closed(Output):
    """`2>&-`, from the start."""


KINDS = (ReaderGone, Full, Slow, Paused, DiskFull, Closed)


class Console:
    """A controller on a virtual bus, started by the command line.

    Args:
        output: its stdout and stderr.
        heeds_hangups: False where it is started with SIGHUP as it is here.
        link: the bus's port.
    """

    def __init__(
        self, directory: Path, output: Output, link: Path, heeds_hangups: bool = True
    ) -> None:
        self.output = output
        self.run_dir = directory / "run"
        robot = {"backend": "virtual-bus", "port": str(link), "bus": PATIENT}
        gate = {"invalid_reads_max": 100, "state_age_max_s": 1.0}
        config = make_config(self.run_dir, robot=robot, gate=gate, clock="wall")
        path = directory / "controller.json"
        path.write_text(config.model_dump_json())
        command = [sys.executable, "-P", "-m", "mbctl", "controller", "--config", str(path)]
        if isinstance(output, Closed):
            command = ["/bin/sh", "-c", 'exec "$0" "$@" >&- 2>&-', *command]
        if isinstance(output, Terminal):
            # It leads a session in its terminal, as a shell does that was told to `exec` it.
            command = ["setsid", "--ctty", *command]
        with heeding_hangups() if heeds_hangups else contextlib.nullcontext():
            self.process = subprocess.Popen(
                command, stdin=output.end, stdout=output.end, stderr=output.end
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pid in (self.process.pid, *children_of(self.process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.output.close()

    def client(self) -> ControllerClient:
        """A client, once it serves."""
        path = self.run_dir / "controller.address"
        wait_until(lambda: path.is_file() or self.process.poll() is not None, 60.0)
        assert path.is_file(), self.process.returncode
        return ControllerClient(path.read_text().strip())


@contextlib.contextmanager
def heeding_hangups() -> Iterator[None]:
    """Processes started in the block heed SIGHUP, whether or not these tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@contextlib.contextmanager
def activated(client: ControllerClient, window_s: float = 5.0) -> Iterator[HeldLease]:
    """The robot ACTIVE under a lease that lapses by itself."""
    wait_until(lambda: client.status().lifecycle == Lifecycle.INACTIVE)
    with client.lease("tester", window_s=window_s, take=True) as lease:
        lease.leave()
        client.activate(lease)
        yield lease


def torques(bus: RunningBus) -> set[bool]:
    """Of the joints; the valve's servo is limp anyway."""
    joints = bus.state()["joints"].items()
    return {joint["torque_on"] for name, joint in joints if "FJ" in name or "HJ" in name}


def children_of(pid: int) -> tuple[int, ...]:
    """Process ids of the direct children."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    others = Path(f"/proc/{pid}/task").glob("*/children")
    try:
        text = " ".join(path.read_text() for path in {children, *others})
    except OSError:
        return ()
    return tuple(int(word) for word in text.split())


def within(limit_s: float, act: Callable[[], Any]) -> Any:
    """The result of `act`, which took no longer."""
    begun = time.monotonic()
    result = act()
    took_s = time.monotonic() - begun
    assert took_s < limit_s, f"took {took_s:.2f} s"
    return result
