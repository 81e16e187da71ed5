"""Names in the file system that belong to one bus at a time: its link, its socket, its recording.

A name is claimed by a socket of the kernel's abstract namespace, which nobody has to remove: it
ends with its process, however that ends. What a killed bus has left under a name is then known as
stale.
"""

import contextlib
import hashlib
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

from sim.servo_bus.settings import VirtualBusSettingsError

_CREDENTIALS = struct.Struct("3i")


def claim_names(paths: Mapping[str, str], stack: contextlib.ExitStack) -> None:
    """Claim what is named, until `stack` is closed.

    Args:
        paths: by what they are for; "" claims nothing.

    Raises:
        VirtualBusSettingsError: another bus has one of them, and which process that is; or one is
            given twice.
    """
    seen: dict[Path, str] = {}
    for what, text in paths.items():
        if not text:
            continue
        path = Path(text).parent.resolve() / Path(text).name
        if path in seen:
            raise VirtualBusSettingsError(
                f"{seen[path]} and {what} are both {text}: expected two names"
            )
        seen[path] = what
        stack.enter_context(_claim(what, path))


def _claim(what: str, path: Path) -> socket.socket:
    address = b"\0mbctl-virtual-bus-" + hashlib.sha256(bytes(path)).hexdigest().encode()
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim.bind(address)
        claim.listen()
    except OSError as error:
        claim.close()
        raise VirtualBusSettingsError(
            f"{what} {path} is in use by another virtual bus{_owner(address)}: end that one, or "
            "choose another name"
        ) from error
    return claim


def _owner(address: bytes) -> str:
    """Which process it is, where that can be told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        try:
            probe.connect(address)
            size = _CREDENTIALS.size
            pid, _, _ = _CREDENTIALS.unpack(
                probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
            )
        except OSError:
            return ""
    return f" (process {pid})"
