"""One process per run directory, enforced by a lock that dies with its holder."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from services.daemon import StartUpError

_POLL_S = 0.05


@contextlib.contextmanager
def hold_lock(path: Path, what: str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold the lock file `path`; its content names the holder's process id.

    Args:
        what: whose lock it is, for the message.
        wait_s: so long a dying holder is waited for.

    Raises:
        StartUpError: another process holds it, or it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StartUpError(f"cannot lock {path}: {error.strerror}") from error
    try:
        _acquire(descriptor, path, what, wait_s)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, what: str, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
                raise StartUpError(
                    f"another {what} (process {holder}) works in {path.parent}; "
                    "stop it or choose another run directory"
                ) from error
        time.sleep(min(_POLL_S, max(0.0, deadline - time.monotonic())))
