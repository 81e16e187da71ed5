"""One server for each unix socket. gRPC itself takes a path from whoever listens there, silently,
and removes it at its end, so that clients of one daemon would reach another.
"""

import os
import socket
import stat
from pathlib import Path

from mbctl.data.lock import take_lock
from mbctl.exit_codes import StartUpError

PATH_MAX_BYTES = 107
_DYING_S = 2.0  # a predecessor that was told to stop may take so long
_PROBE_S = 1.0
_NOT_IN_A_PATH = frozenset("%?#")  # gRPC reads the address as a URI


def is_unix(address: str) -> bool:
    """Whether it is `unix:PATH` or `unix-abstract:NAME`."""
    return address.startswith(("unix:", "unix-abstract:"))


def claim_socket(address: str) -> int:
    """Make sure that nobody else listens on a unix socket, and remove one that a dead server left.

    Returns:
        The descriptor of the lock that keeps others away until it is closed; -1 for an abstract
        socket, which the kernel gives to one server only.

    Raises:
        StartUpError: somebody listens there, or the path cannot be used.
    """
    if not address.startswith("unix:"):
        return -1
    path = _path_of(address)
    descriptor = take_lock(
        path.with_name(path.name + ".lock"),
        lambda holder: (
            f"another daemon (process {holder}) listens on unix:{path}: stop it, or "
            "choose another with --listen"
        ),
        _DYING_S,
    )
    try:
        _clear(path)
    except StartUpError:
        os.close(descriptor)
        raise
    return descriptor


def check_socket_path(address: str) -> None:
    """Make sure that a socket could be there, without touching it.

    Raises:
        StartUpError: its path cannot be used.
    """
    if not address.startswith("unix:"):
        return
    path = _path_of(address)
    if os.path.lexists(path) and not stat.S_ISSOCK(path.lstat().st_mode):
        raise StartUpError(f"cannot listen on unix:{path}: it is no socket, move it away")


def _path_of(address: str) -> Path:
    """Of all spellings of a path the same one, so that its lock is the same."""
    text = address.removeprefix("unix:")
    text = text[2:] if text.startswith("///") else text
    path = Path(text)
    if not path.name or _NOT_IN_A_PATH & set(text) or not text.isprintable():
        raise StartUpError(
            f"listen address {address!r} names no socket: expected unix:PATH without "
            f"{' '.join(sorted(_NOT_IN_A_PATH))}"
        )
    if len(os.fsencode(text)) > PATH_MAX_BYTES:
        raise StartUpError(
            f"listen address {address!r} has {len(os.fsencode(text))} bytes in its path, at most "
            f"{PATH_MAX_BYTES}: choose a shorter one"
        )
    if not path.parent.is_dir():
        raise StartUpError(f"listen address {address!r}: there is no directory {path.parent}")
    return path.parent.resolve() / path.name


def _clear(path: Path) -> None:
    """Remove what a dead server left, and nothing else."""
    try:
        if not os.path.lexists(path):
            return
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise StartUpError(f"cannot listen on unix:{path}: it is no socket, move it away")
        if _is_answered(path):
            raise StartUpError(
                f"cannot listen on unix:{path}: another program listens there; stop it, or choose "
                "another with --listen"
            )
        path.unlink()
    except OSError as error:
        raise StartUpError(f"cannot listen on unix:{path}: {error.strerror}") from error


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except (TimeoutError, BlockingIOError):  # its queue is full
            return True
    return True
