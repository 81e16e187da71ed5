"""What a daemon would find out when it starts, found out without starting it: nothing is made,
locked or listened on, and a daemon that runs with the same configuration is not disturbed."""

import contextlib
import errno
import os
import socket
from pathlib import Path

from hal.child import PIPE, Child, module_command
from mbctl.data.sqlite import StoreError, connect
from mbctl.exit_codes import StartUpError
from services.channel import TlsFiles
from services.server import check_listen
from services.unix_socket import check_socket_path, is_unix

DEVICE_WAIT_S = 180.0  # it imports torch, maybe on a busy machine


def check_directory(path: Path) -> None:
    """Make sure that a run directory could be made and written to.

    Raises:
        StartUpError: names what is in the way.
    """
    try:
        absolute = path.absolute()
    except FileNotFoundError as error:
        raise StartUpError(
            f"run_dir = {str(path)!r}: the working directory has been removed: cd into another, or "
            "give an absolute path"
        ) from error
    there = next(p for p in (absolute, *absolute.parents) if os.path.lexists(p))
    if not there.is_dir():
        raise StartUpError(f"run_dir = {str(path)!r}: {there} is no directory")
    if not os.access(there, os.W_OK | os.X_OK):
        raise StartUpError(f"run_dir = {str(path)!r}: {there} may not be written to by this user")
    if there == absolute:
        _check_links(path)


def _check_links(path: Path) -> None:
    for entry in sorted(path.iterdir()):
        if entry.is_symlink():
            raise StartUpError(
                f"run_dir = {str(path)!r}: {entry} is a symbolic link, and nothing is written "
                "through one: move it away, or choose another run directory"
            )


def check_device(key: str, name: str) -> None:
    """Make sure that torch sees a device, by a process of its own: this one has no torch.

    Raises:
        StartUpError: it does not; says what it sees.
    """
    if name in ("cpu", "auto"):
        return  # there always is one
    child = Child(module_command("mbctl.nn.device", name), stderr=PIPE)
    try:
        said = child.stderr.read().decode(errors="replace").strip()
        if child.wait(DEVICE_WAIT_S) != 0:
            why = said.rpartition("\n")[2] or child.ending
            raise StartUpError(f"{key} = {name!r} cannot be used: {why}")
    finally:
        child.end_now()
        child.close()


def check_database(path: Path) -> None:
    """Make sure that a database, where there is one, is ours.

    Raises:
        StartUpError: says what it is instead.
    """
    if not path.exists():
        return
    try:
        with contextlib.closing(connect(path, read_only=True)):
            pass
    except StoreError as error:
        raise StartUpError(str(error)) from error


def check_address(key: str, listen: str, tls: TlsFiles | None) -> None:
    """Make sure that one could listen there; whether another daemon does so now is not asked.

    Raises:
        StartUpError: says why not.
    """
    check_listen(listen, tls)
    if is_unix(listen):
        check_socket_path(listen)
        return
    host, _, port = listen.rpartition(":")
    try:
        ((family, kind, protocol, _, found), *_) = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found)
    except OSError as error:  # also of the name's resolution
        if error.errno != errno.EADDRINUSE:
            raise StartUpError(f"{key} = {listen!r}: {error.strerror}") from error
