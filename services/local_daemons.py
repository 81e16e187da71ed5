"""Which daemons of this user run on this machine, and where: each leaves a file while it runs.

Imports next to nothing: an emergency stop waits for it. A file that a killed daemon left is told by
process id and start time, which no two processes share.
"""

import contextlib
import json
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from services.runtime_dir import find_runtime_dir, make_runtime_dir

CONTROLLER = "controller"
TRAINER = "trainer"
REASON = ".reason"  # suffix of what the one who sends a stop signal leaves beside the file
_SUFFIX, _DRAFT = ".json", ".draft"
_BYTES_MAX = 65_536
_NO_TIME = 0


class LocalDaemon(NamedTuple):
    """One daemon, as it says of itself.

    Attributes:
        kind: CONTROLLER or TRAINER.
        name: of its robot, or of its task.
        address: to call it at; empty while it does not serve.
        started: start time of the process, in clock ticks since the machine's.
        stops: emergency stops asked for by signal and answered.
        answer: to the last of them: lifecycle, latency_ms, torque_off_failed; or a message where
            it is not known what was reached.
        path: of the file.
    """

    kind: str
    name: str
    address: str
    run_dir: str
    pid: int
    started: int
    stops: int
    answer: dict[str, Any]
    path: Path

    def __str__(self) -> str:
        return f"{self.name} at {self.address} (process {self.pid}, {self.run_dir})"


class Announcement:
    """A daemon's own file; any thread may write to it."""

    def __init__(self, daemon: LocalDaemon) -> None:
        self._daemon = daemon
        self._writing = threading.Lock()
        self._clear()  # what a process of the same id left
        self._write()

    @property
    def path(self) -> Path:
        """Of the file."""
        return self._daemon.path

    def serve(self, address: str) -> None:
        """Say where it can be called from now on, from any working directory."""
        scheme, _, path = address.partition(":")
        if scheme == "unix":
            address = f"unix:{Path(path).absolute()}"
        with self._writing:
            self._write(address=address)

    def answer(self, answer: dict[str, Any]) -> None:
        """Answer all emergency stops that were asked for by signal so far."""
        with self._writing:
            self._write(stops=self._daemon.stops + 1, answer=answer)

    def remove(self) -> None:
        """The daemon ends."""
        with self._writing:
            self._clear()

    def _clear(self) -> None:
        for suffix in (_SUFFIX, _DRAFT, REASON):
            self.path.with_suffix(suffix).unlink(missing_ok=True)

    def _write(self, **changes: Any) -> None:
        daemon = self._daemon._replace(**changes)
        text = json.dumps({**daemon._asdict(), "path": ""})
        draft = daemon.path.with_suffix(_DRAFT)
        descriptor = os.open(
            draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(daemon.path)
        self._daemon = daemon


@contextlib.contextmanager
def announced(kind: str, name: str, run_dir: Path) -> Iterator[Announcement]:
    """Leave a file for the length of the block; those of dead daemons are cleared away.

    Raises:
        RuntimeDirError: there is no directory for it.
        OSError: it cannot be written.
    """
    directory = make_runtime_dir()
    for path in directory.iterdir():
        if path.suffix == _SUFFIX and _is_stale(path):
            path.unlink(missing_ok=True)
    pid = os.getpid()
    path = directory / f"{kind}-{pid}{_SUFFIX}"
    absolute = str(run_dir.absolute())
    own = LocalDaemon(kind, name, "", absolute, pid, start_time(pid), 0, {}, path)
    announcement = Announcement(own)
    try:
        yield announcement
    finally:
        announcement.remove()


def local_daemons(kind: str) -> list[LocalDaemon]:
    """The daemons of this user and kind that run now, by name."""
    directory = find_runtime_dir()
    if directory is None:
        return []
    found = [
        daemon
        for path in directory.glob(f"{kind}-*{_SUFFIX}")
        if (daemon := read_daemon(path)) is not None and daemon.kind == kind
    ]
    return sorted(found, key=lambda daemon: (daemon.name, daemon.pid))


def read_daemon(path: Path) -> LocalDaemon | None:
    """What the file says; None when it is no such file, or its process has ended."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return None
        daemon = _parsed(file.read(_BYTES_MAX), path)
    if daemon is None or start_time(daemon.pid) != daemon.started:
        return None
    return daemon


def start_time(pid: int) -> int:
    """When a process began, in clock ticks since the machine did; 0 when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return _NO_TIME
    fields = text[text.rindex(b")") + 2 :].split()  # a program's name may hold anything
    return _NO_TIME if fields[0] in (b"Z", b"X") else int(fields[19])


def _parsed(data: bytes, path: Path) -> LocalDaemon | None:
    """The record; None for one of another version or for damage."""
    try:
        fields = json.loads(data)
        daemon = LocalDaemon(**{**fields, "path": path})
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (daemon.kind, daemon.name, daemon.address, daemon.run_dir)
    numbers = (daemon.pid, daemon.started, daemon.stops)
    whole = all(type(text) is str for text in texts) and all(type(n) is int for n in numbers)
    sound = whole and daemon.pid > 0 and daemon.started > 0 and isinstance(daemon.answer, dict)
    return daemon if sound else None


def _is_stale(path: Path) -> bool:
    """Whether it says that it is of a process which has ended; what it is not is left alone."""
    try:
        fields = json.loads(path.read_bytes())
        return start_time(fields["pid"]) != fields["started"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False
