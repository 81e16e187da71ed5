"""Disk space kept back so that a spool that has filled the disk can still let rows go.

Deleting rows needs a little room in SQLite's log. Without a reserve a spool on a full disk could
never be emptied again, however much the trainer acknowledges.
"""

import contextlib
import os
from pathlib import Path

from mbctl.data.private_files import open_private

RESERVE_BYTES = 8 << 20  # twice what SQLite's log grows to between checkpoints


class DiskReserve:
    """A file of allocated space; there or given away."""

    def __init__(self, path: Path, size_bytes: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size_bytes = size_bytes
        self.is_held = path.is_file() and path.stat().st_size == size_bytes
        self.restore()

    def restore(self) -> bool:
        """Allocate it again, if it takes no more than half of what is free; whether it is there."""
        if not self.is_held and self._free_bytes() >= 2 * self._size_bytes:
            with contextlib.suppress(OSError):  # no room after all: `is_held` tells
                descriptor = open_private(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                with os.fdopen(descriptor, "wb") as file:
                    os.posix_fallocate(file.fileno(), 0, self._size_bytes)
                self.is_held = True
        return self.is_held

    def release(self) -> None:
        """Give the space away."""
        self._path.unlink(missing_ok=True)
        self.is_held = False

    def _free_bytes(self) -> int:
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize
