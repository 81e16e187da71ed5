"""Where log lines go: a descriptor that others may share, or a file of our own with a limit."""

import errno
import os
import stat
import time
from pathlib import Path
from typing import Protocol

from hal.stdio import is_ready
from mbctl.data.private_files import open_private

FILE_BYTES_MAX = 8 << 20
FILES_KEPT = 4
_PIECE = 4096  # PIPE_BUF: what goes in one piece, and without waiting when poll says so
_LOOK_S = 0.5
_AGAIN_S = 0.05
_GONE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EBADF, errno.ENXIO, errno.ENOTCONN})


class Sink(Protocol):
    """Takes whole lines, from one thread."""

    def write(self, line: bytes) -> bool:
        """Write a line, however long its reader takes; False when it is lost."""
        ...

    def is_ready(self) -> bool:
        """Whether a write would not wait now."""
        ...


class StreamSink:
    """A terminal, pipe, socket or file that somebody else has opened."""

    def __init__(self, descriptor: int) -> None:
        """Copy the descriptor.

        Args:
            descriptor: copied, so that the number may be put to another use.
        """
        self._descriptor = os.dup(descriptor)
        self._is_regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        self._is_over = False
        self._is_torn = False

    def write(self, line: bytes) -> bool:
        data = b"\n" + line if self._is_torn else line
        while data and not self._is_over:
            try:
                written = self._write_piece(data)
            except BlockingIOError:
                time.sleep(_AGAIN_S)
            except OSError as error:
                self._is_over = not self._is_regular and _is_final(error)
                return False
            else:
                data = data[written:]
                self._is_torn = bool(data)  # until the rest is there too
        return not data

    def is_ready(self) -> bool:
        return self._is_over or is_ready(self._descriptor)

    def _write_piece(self, data: bytes) -> int:
        if self._is_regular:
            return os.write(self._descriptor, data)
        if not is_ready(self._descriptor, _LOOK_S):
            return 0
        return os.write(self._descriptor, data[:_PIECE])


def _is_final(error: OSError) -> bool:
    return error.errno in _GONE or error.errno == errno.EIO  # EIO: the terminal was closed


class FileSink:
    """A log file of our own: `name`, and when it is full `name.1` to `name.KEPT`, oldest last.

    Raises:
        OSError: on construction, it cannot be opened.
    """

    def __init__(self, path: Path, bytes_max: int = FILE_BYTES_MAX, kept: int = FILES_KEPT) -> None:
        self._path = path
        self._bytes_max = bytes_max
        self._kept = kept
        self._is_torn = False
        self._open()

    def write(self, line: bytes) -> bool:
        if self._size and self._size + len(line) > self._bytes_max:
            self._rotate()
        data = b"\n" + line if self._is_torn else line
        try:
            written = os.write(self._descriptor, data)
        except OSError:  # the disk is full, or worse: it may be better later
            return False
        self._size += written
        self._is_torn = written < len(data)
        return not self._is_torn

    def is_ready(self) -> bool:
        return True

    def _open(self) -> None:
        self._descriptor = open_private(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._size = os.fstat(self._descriptor).st_size

    def _rotate(self) -> None:
        """Begin a new file; where that fails, the old one is gone on with for another length."""
        full = self._descriptor
        try:
            for number in range(self._kept - 1, 0, -1):
                if self._name(number).exists():
                    self._name(number).replace(self._name(number + 1))
            self._path.replace(self._name(1))
            self._open()
        except OSError:
            self._descriptor, self._size = full, 0
            return
        os.close(full)

    def _name(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
