"""Standard streams of processes that neither wait for whoever reads them nor fail with him."""

import io
import os
import select
import sys
from typing import Literal

_WRITE_BYTES_MAX = select.PIPE_BUF  # a pipe that takes any takes so many
_STANDARD = (0, 1, 2)


class LossyText(io.TextIOBase):
    """A stream that never waits and never raises: what its reader does not take now is lost."""

    encoding = "utf-8"  # pyright: ignore[reportAssignmentType]  # a plain value serves as well
    errors = "backslashreplace"  # pyright: ignore[reportAssignmentType]

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        """Write as much as goes at once; the length of `text`, whatever came of it."""
        write_at_once(self._descriptor, text.encode(errors="backslashreplace"))
        return len(text)

    def writable(self) -> Literal[True]:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)


def write_at_once(descriptor: int, data: bytes) -> int:
    """Write what goes without waiting; how many bytes that were. Never raises."""
    written = 0
    try:
        while written < len(data) and is_ready(descriptor):
            written += os.write(descriptor, data[written : written + _WRITE_BYTES_MAX])
    except OSError:
        return written
    return written


def is_ready(descriptor: int, wait_s: float = 0.0) -> bool:
    """Whether a write of at most PIPE_BUF bytes would return at once, with success or an error."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(wait_s * 1000.0))


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


def never_wait_for_readers() -> None:
    """Make what this process prints lossy, for processes that have better to do than wait."""
    hold_standard_descriptors()
    sys.stdout, sys.stderr = LossyText(1), LossyText(2)
