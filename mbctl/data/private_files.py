"""Files that are their user's alone, never written through a link, replaced as a whole."""

import contextlib
import errno
import os
import stat
from pathlib import Path

UMASK = 0o077  # directories 0700, files 0600, sockets too, whoever of the libraries makes them


def make_directory(path: Path) -> None:
    """Make a run directory with mode 0700; one that is there keeps its mode.

    Raises:
        OSError: it cannot be made, or a name in it is a symbolic link: what is written there would
            go elsewhere.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for entry in sorted(path.iterdir()):
        if entry.is_symlink():
            raise OSError(
                errno.ELOOP,
                f"is a symbolic link to {entry.readlink()}, and nothing is written through one: "
                "move it away, or choose another run directory",
                str(entry),
            )


def open_private(path: Path, flags: int) -> int:
    """Open a regular file of one name, made with mode 0600; a descriptor that no child inherits.

    Args:
        flags: of `os.open`; O_CREAT where it may be made.

    Raises:
        OSError: it is a link, a pipe, a device or a directory, or cannot be opened.
    """
    # Without O_NONBLOCK a pipe in that place would be waited for.
    safe = flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, safe & ~os.O_TRUNC, 0o600)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, "is a symbolic link: move it away", str(path)) from error
    try:
        _check_plain(descriptor, path)
        if flags & os.O_TRUNC:
            os.ftruncate(descriptor, 0)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def write_whole(path: Path, text: str) -> None:
    """Replace a file's content, entirely or not at all; durable when this returns, mode 0600.

    Raises:
        OSError: the disk refused; the former file is still there.
    """
    draft = path.with_name(path.name + ".draft")
    try:
        descriptor = open_private(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def _check_plain(descriptor: int, path: Path) -> None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "is no regular file: move it away", str(path))
    if status.st_nlink > 1:
        raise OSError(errno.EMLINK, "is one of several names of a file: move it away", str(path))
