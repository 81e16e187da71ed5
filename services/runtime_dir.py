"""The directory in which the daemons of one user on this machine say where they are.

Imports next to nothing: an emergency stop waits for it.
"""

import os
import stat
from pathlib import Path


class RuntimeDirError(OSError):
    """There is no directory that belongs to this user alone; says what would be right."""


def make_runtime_dir() -> Path:
    """This user's own directory: in XDG_RUNTIME_DIR if that is the user's and closed to others,
    else among temporary files.

    Raises:
        RuntimeDirError: the name is taken by somebody else, or it cannot be made.
    """
    path = _path()
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise RuntimeDirError(f"cannot make {path}: {error.strerror}") from error
    if objection := _objection(path):
        raise RuntimeDirError(
            f"{path} {objection}: remove it, or set XDG_RUNTIME_DIR to a directory of mode 0700 "
            "that is yours"
        )
    path.chmod(0o700)
    return path


def find_runtime_dir() -> Path | None:
    """The same directory where it is there and nobody else can have written into it."""
    path = _path()
    return None if _objection(path, others=0o022) else path


def _path() -> Path:
    told = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if told.is_absolute() and not _objection(told.resolve(), others=0o077):
        return told / "mbctl"
    temporary = Path(os.environ.get("TMPDIR", ""))
    parent = temporary if temporary.is_absolute() and temporary.is_dir() else Path("/tmp")
    return parent / f"mbctl-{os.geteuid()}"


def _objection(path: Path, others: int = 0) -> str:
    """Why what lies there is not trusted, empty when it is this user's own.

    Args:
        others: what other users must not be allowed, as bits of its mode.
    """
    try:
        found = path.lstat()
    except OSError as error:
        return f"cannot be looked at ({error.strerror})"
    if stat.S_ISLNK(found.st_mode):
        return "is a symbolic link"
    if not stat.S_ISDIR(found.st_mode):
        return "is no directory"
    if found.st_uid != os.geteuid():
        return f"belongs to user {found.st_uid}"
    if found.st_mode & others:
        return f"is open to others (mode {stat.S_IMODE(found.st_mode):04o})"
    return ""
