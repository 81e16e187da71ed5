"""The side entrance of the bus: JSON lines over a Unix socket, one answer for each request.

Faults are asked for here and the truth is read here, out of reach of the client under test.
"""

import contextlib
import errno
import json
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hal.errors import HalError
from sim.servo_bus.settings import VirtualBusSettingsError

REQUEST_BYTES_MAX = 65_536
_CLIENTS_MAX = 64  # select and the process's descriptors bear no thousand
Answerer = Callable[[dict[str, Any]], dict[str, Any]]


class ControlSocket:
    """Serves any number of clients without ever waiting for one.

    Args:
        path: of the socket; "" for one in a fresh private folder. One that nobody listens on is
            replaced: a killed bus has left it.
        answer: does what a request asks for; its HalError becomes the client's error.

    Raises:
        VirtualBusSettingsError: something else is there, or the socket cannot be made.
    """

    def __init__(self, path: str, answer: Answerer) -> None:
        self._answer = answer
        self._folder = "" if path else tempfile.mkdtemp(prefix="servo-bus-")
        self.path = path or str(Path(self._folder) / "control")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._clients: dict[int, tuple[socket.socket, bytes]] = {}
        self._is_bound = False
        try:
            _remove_stale(Path(self.path))
            self._listener.bind(self.path)
            self._is_bound = True
        except OSError as error:
            self.close()
            raise VirtualBusSettingsError(f"control socket {self.path}: {error}") from error
        self._listener.listen()
        self._listener.setblocking(False)

    def filenos(self) -> list[int]:
        """Descriptors to wait on."""
        return [self._listener.fileno(), *self._clients]

    def serve(self, ready: list[int]) -> None:
        """Accept and answer whoever of `ready` is one of ours."""
        for fileno in ready:
            if fileno in self._clients:
                self._serve(fileno)
        if self._listener.fileno() in ready:
            self._accept()

    def close(self) -> None:
        """Disconnect everybody and remove the socket. Repeatable."""
        for client, _ in self._clients.values():
            client.close()
        self._clients.clear()
        self._listener.close()
        if self._is_bound:
            self._is_bound = False
            with contextlib.suppress(OSError):
                os.unlink(self.path)  # noqa: PTH108  # no Path: also at the end of the interpreter
        if self._folder:
            with contextlib.suppress(OSError):
                Path(self._folder).rmdir()

    def _accept(self) -> None:
        """Take a client in; where too many are idle, the one that came first has to go."""
        with contextlib.suppress(OSError):
            client, _ = self._listener.accept()
            if len(self._clients) >= _CLIENTS_MAX:
                oldest, _ = self._clients.pop(next(iter(self._clients)))
                oldest.close()
            client.settimeout(0.5)  # a client that does not take its answer is dropped
            self._clients[client.fileno()] = (client, b"")

    def _serve(self, fileno: int) -> None:
        client, pending = self._clients[fileno]
        try:
            received = client.recv(REQUEST_BYTES_MAX)
            *lines, rest = (pending + received).split(b"\n")
            if not received or len(rest) > REQUEST_BYTES_MAX:
                raise ConnectionError
            for line in lines:
                client.sendall(self._reply(line))
            self._clients[fileno] = (client, rest)
        except OSError:
            del self._clients[fileno]
            client.close()

    def _reply(self, line: bytes) -> bytes:
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise VirtualBusSettingsError(f"request {line[:80]!r} is not a JSON object")
            answer = {"ok": True, **self._answer(request)}
        except HalError as error:
            answer = {"ok": False, "reason": error.reason, "error": str(error)}
        except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError) as error:
            text = error.args[0] if error.args else type(error).__name__
            answer = {"ok": False, "reason": "REQUEST_INVALID", "error": str(text)}
        return json.dumps(answer).encode() + b"\n"


def _remove_stale(path: Path) -> None:
    """Remove a socket that nobody listens on any more.

    Raises:
        OSError: somebody does.
    """
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
    raise OSError(errno.EADDRINUSE, "another program listens there")
