"""Standard streams of processes that neither wait for whoever reads them nor fail with him."""

import io
import os
import select
import stat
import sys
import time
from typing import Literal

_WRITE_BYTES_MAX = select.PIPE_BUF  # a pipe that takes any takes so many
_STANDARD = (0, 1, 2)
_PATIENCE_S = 0.1


class LossyText(io.TextIOBase):
    """A stream that does not wait and never raises: what its reader does not take is lost.

    Args:
        descriptor: a standard one.
        patience_s: a reader may be so slow with each text.
    """

    encoding = "utf-8"  # pyright: ignore[reportAssignmentType]  # a plain value serves as well
    errors = "backslashreplace"  # pyright: ignore[reportAssignmentType]

    def __init__(self, descriptor: int, patience_s: float = 0.0) -> None:
        self._descriptor = descriptor
        self._end = _unblocked(descriptor)
        self._patience_s = patience_s

    def write(self, text: str) -> int:
        """Write as much as goes; the length of `text`, whatever came of it."""
        write_in_time(self._end, text.encode(errors="backslashreplace"), self._patience_s)
        return len(text)

    def writable(self) -> Literal[True]:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)


def write_in_time(descriptor: int, data: bytes, limit_s: float = 0.0) -> int:
    """Write what goes within `limit_s`; how many bytes that were. Never raises."""
    deadline = time.monotonic() + limit_s
    written = 0
    try:
        while written < len(data) and is_ready(descriptor, deadline - time.monotonic()):
            written += os.write(descriptor, data[written : written + _WRITE_BYTES_MAX])
    except OSError:
        return written
    return written


def is_ready(descriptor: int, wait_s: float = 0.0) -> bool:
    """Whether a write of at most PIPE_BUF bytes would return at once, with success or an error."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(max(wait_s, 0.0) * 1000.0))


def _unblocked(descriptor: int) -> int:
    """The same pipe or terminal, opened once more: a write to it does not wait, while others who
    share `descriptor` are left as they are. `descriptor` itself where that cannot be."""
    try:
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
            return descriptor
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        return os.open(f"/proc/self/fd/{descriptor}", flags)
    except OSError:  # such as another user's terminal
        return descriptor


def hold_standard_descriptors() -> None:
    """Open /dev/null in place of each standard descriptor that was closed at the start.

    Otherwise the next file to be opened, a serial port or a database, gets the number, and with it
    whatever is printed.
    """
    for descriptor in _STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number
    sys.stdout = sys.stdout or LossyText(1)
    sys.stderr = sys.stderr or LossyText(2)


def wait_little_for_readers() -> None:
    """Make what this process says, and results on a terminal, wait little for whoever reads them.

    For processes that lead a robot from a terminal, which may be paused, slow or closed. A result
    that goes to a program still waits for it.
    """
    hold_standard_descriptors()
    sys.stderr = LossyText(2, _PATIENCE_S)
    if sys.stdout.isatty():
        sys.stdout = LossyText(1, _PATIENCE_S)


def never_wait_for_readers() -> None:
    """Make what this process prints lossy, for processes that have better to do than wait."""
    hold_standard_descriptors()
    sys.stdout, sys.stderr = LossyText(1), LossyText(2)
