"""Which other processes have the serial port open: two readers take answers from each other.

A lock keeps out only programs that ask for it, and whoever opened the port before stays on it.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from hal.errors import HalError

PROC = Path("/proc")
_NAME_MAX = 40
_PTS = "/dev/pts/"
_MASTERS = ("/dev/ptmx", "/dev/pts/ptmx")


@dataclass(frozen=True, slots=True)
class PortUser:
    """A process that has the port open.

    Attributes:
        pid: of it.
        name: as the kernel lists it, printable.
    """

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


class SharedPortError(HalError):
    """Another process reads the same port; what it takes is missing here."""

    reason = "PORT_SHARED"


def port_users(
    path: str, without: Collection[int] | None = None, proc: Path = PROC
) -> tuple[PortUser, ...]:
    """Processes that have the port open, as far as this user may see them.

    Args:
        path: of the device, or a link to it.
        without: process ids that are left out; None: this process.
    """
    left_out = (os.getpid(),) if without is None else without
    device = os.path.realpath(path)
    pids = sorted(int(entry) for entry in _listed(proc) if entry.isdecimal())
    return tuple(
        user_of(pid, proc)
        for pid in pids
        if pid not in left_out and _has_open(proc / str(pid), device)
    )


def user_of(pid: int, proc: Path = PROC) -> PortUser:
    """The process with its name."""
    try:
        raw = (proc / str(pid) / "comm").read_text(errors="replace").strip()
    except OSError:
        raw = ""
    return PortUser(pid, "".join(filter(str.isprintable, raw))[:_NAME_MAX] or "a process")


def refuse_shared_port(path: str) -> None:
    """Pass when no other process has the port open.

    Raises:
        SharedPortError: names who has.
    """
    users = port_users(path)
    if users:
        raise SharedPortError(
            f"{names_of_users(users)} has {path} open too and takes answers from it: end that first"
        )


def names_of_users(users: Collection[PortUser]) -> str:
    """For messages: "screen (pid 12), python3 (pid 15)"."""
    return ", ".join(map(str, users))


def _has_open(process: Path, device: str) -> bool:
    """Whether a process has `device` open; whoever plays a pseudo-terminal is no reader of it."""
    is_open = False
    for descriptor in _listed(process / "fd"):
        try:
            target = str((process / "fd" / descriptor).readlink())
        except OSError:  # closed meanwhile
            continue
        if target in _MASTERS and _is_master_of(process / "fdinfo" / descriptor, device):
            return False
        is_open |= target == device
    return is_open


def _is_master_of(information: Path, device: str) -> bool:
    """Whether a descriptor is the other end of the pseudo-terminal `device`."""
    if not device.startswith(_PTS):
        return False
    try:
        lines = information.read_text().splitlines()
    except OSError:
        return False
    number = device.removeprefix(_PTS)
    return any(line.split() == ["tty-index:", number] for line in lines)


def _listed(folder: Path) -> Iterator[str]:
    """Entries of a folder; none where it is gone or another user's."""
    try:
        with os.scandir(folder) as entries:
            yield from (entry.name for entry in entries)
    except OSError:
        return
