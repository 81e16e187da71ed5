"""One process per run directory, enforced by a lock that dies with its holder."""

import contextlib
import errno
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mbctl.data.private_files import open_private
from mbctl.exit_codes import StartUpError

_POLL_S = 0.05
_CONTENT_MAX = 32
_LOCKLESS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
_OURS = re.compile(rb"\s*[0-9]*\s*")  # a process id, or nothing yet


@contextlib.contextmanager
def hold_lock(path: Path, what: str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold the lock file `path`; its content names the holder's process id.

    Args:
        what: whose lock it is, for the message.
        wait_s: so long a dying holder is waited for.

    Raises:
        StartUpError: another process holds it, it cannot be written, or it is no lock file.
    """
    descriptor = take_lock(
        path,
        lambda holder: (
            f"another {what} (process {holder}) works in {path.parent}; "
            "stop it or choose another run directory"
        ),
        wait_s,
    )
    try:
        yield
    finally:
        os.close(descriptor)


def take_lock(path: Path, taken: Callable[[str], str], wait_s: float = 0.0) -> int:
    """Take the lock file `path` until the returned descriptor is closed.

    Args:
        taken: the message when it is held, from its holder.
        wait_s: so long a dying holder is waited for.

    Raises:
        StartUpError: another process holds it, it cannot be written, or it is no lock file.
    """
    try:
        descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise StartUpError(f"cannot lock {path}: {error.strerror}") from error
    try:
        _acquire(descriptor, path, taken, wait_s)
        _sign(descriptor, path)
    except StartUpError:
        os.close(descriptor)
        raise
    return descriptor


def is_locked(path: Path) -> bool:
    """Whether some process holds this lock file.

    Raises:
        StartUpError: it cannot be looked at.
    """
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StartUpError(f"cannot look at the lock {path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        os.close(descriptor)
    return False


def _acquire(descriptor: int, path: Path, taken: Callable[[str], str], wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise StartUpError(taken(_holder(descriptor))) from error
        except OSError as error:
            raise _refused(path, error) from error
        time.sleep(min(_POLL_S, max(0.0, deadline - time.monotonic())))


def _refused(path: Path, error: OSError) -> StartUpError:
    text = f"cannot lock {path}: {error.strerror}"
    if error.errno in _LOCKLESS:
        text += (
            "; the file system does not lend locks, as some network file systems: choose a "
            "directory on a local disk"
        )
    return StartUpError(text)


def _holder(descriptor: int) -> str:
    content = os.pread(descriptor, _CONTENT_MAX, 0)
    return content.decode(errors="replace").strip() or "unknown"


def _sign(descriptor: int, path: Path) -> None:
    """Write the process id; a file that somebody keeps something else in is not written to."""
    content = os.pread(descriptor, _CONTENT_MAX + 1, 0)
    if len(content) > _CONTENT_MAX or not _OURS.fullmatch(content):
        raise StartUpError(f"{path} is no lock file, it has other content: move it away")
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        raise StartUpError(f"cannot write the lock {path}: {error.strerror}") from error
