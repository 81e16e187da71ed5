"""An HTTP server for `/metrics` that nobody can exhaust: few threads, each connection short.

When all places are taken the oldest connection gives way, so a crowd of silent ones does not keep a
scraper out.
"""

import contextlib
import io
import socket
import socketserver
import ssl
import sys
import threading
import time
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import prometheus_client
import structlog

CONNECTIONS_MAX = 8  # as many threads
CONNECTION_S = 5.0  # from the first byte of a handshake to the last one of the answer
_ACCEPT_PAUSE_S = 0.1
_ENDING_S = 1.0  # a connection that is cut off ends at once, unless it gathers figures just then
_BACKLOG = 128
_LOOK_S = 0.25

log = structlog.get_logger()


class MetricsServer(socketserver.ThreadingMixIn, WSGIServer):
    """Serves a registry from construction to `close`.

    Args:
        context: for TLS; its handshake is made by the connection's own thread.

    Raises:
        OSError: the address cannot be had.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = _BACKLOG

    def __init__(
        self,
        host: str,
        port: int,
        registry: prometheus_client.CollectorRegistry,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._context = context
        self._open: dict[socket.socket, tuple[socket.socket, float]] = {}
        self._lock = threading.RLock()
        self._freed = threading.Condition(self._lock)
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self.address_family = family
        super().__init__((str(address[0]), port), _Handler)
        self.set_app(prometheus_client.make_wsgi_app(registry))
        self._thread = threading.Thread(
            target=self.serve_forever, args=(_LOOK_S,), name="metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving; connections that are open end within CONNECTION_S."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer's asks the resolver for a name
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError:  # such as no free descriptor: the connection still waits to be taken
            time.sleep(_ACCEPT_PAUSE_S)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._make_place():
            with self._lock:
                self._open[request] = (request, time.monotonic())
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def _make_place(self) -> bool:
        """Cut the oldest connection off if all places are taken; whether there is one then."""
        with self._freed:
            if len(self._open) < CONNECTIONS_MAX:
                return True
            self._cut_off(min(self._open.values(), key=lambda entry: entry[1])[0])
            return self._freed.wait_for(lambda: len(self._open) < CONNECTIONS_MAX, _ENDING_S)

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(CONNECTION_S)
        if self._context is None:
            super().finish_request(request, client_address)
            return
        with self._context.wrap_socket(request, server_side=True) as secure:
            with self._lock:  # the bare socket has handed its descriptor over
                self._open[request] = (secure, self._open[request][1])
            super().finish_request(secure, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
            self._freed.notify()
        super().shutdown_request(request)

    def service_actions(self) -> None:
        oldest = time.monotonic() - CONNECTION_S
        with self._lock:
            for connection, since in self._open.values():
                if since < oldest:
                    self._cut_off(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Called while the exception is handled."""
        if not isinstance(sys.exception(), OSError):  # time-outs, resets, failed handshakes
            log.exception("metrics_failed")

    def _cut_off(self, connection: socket.socket) -> None:
        """Wake its thread from whatever it waits for."""
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    """Answers one request; says nothing on stderr."""

    def log_message(self, format: str, *args: Any) -> None:
        """Log no requests."""

    def get_stderr(self) -> Any:
        return _ErrorLog()


class _ErrorLog(io.TextIOBase):
    """What the WSGI handler says of a registry that fails."""

    def write(self, text: str) -> int:
        log.error("metrics_failed", text=text.strip())
        return len(text)
