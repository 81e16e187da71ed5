"""One way to build a gRPC server: limits, keepalive, health, reflection, loopback unless TLS."""

import errno
import ipaddress
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer  # the public alias is invisible to type checkers
from grpc_reflection.v1alpha import reflection

from mbctl.config import ConfigError
from mbctl.config.endpoints import check_tls
from mbctl.exit_codes import StartUpError
from services.channel import TlsFiles
from services.daemon_name import DaemonName
from services.descriptors import connections_max
from services.interceptors import CallGuard
from services.requests import OnceGuard
from services.unix_socket import claim_socket, is_unix

CONTROL_MESSAGE_MAX_BYTES = 1024 * 1024
STREAMS_PER_CONNECTION = 64

HANDSHAKE_S = 5.0
IDLE_S = 120.0  # a connection without a call; its client makes a new one when it needs one

_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.so_reuseport", 0),  # otherwise two daemons would share a port without an error
    ("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024),  # the other one is soft
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Far below our clients' 10 s: a server that was starved reads several of their pings at once.
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.server_handshake_timeout_ms", round(1000 * HANDSHAKE_S)),
    ("grpc.max_connection_idle_ms", round(1000 * IDLE_S)),
    ("grpc.compression_enabled_algorithms_bitset", 1),  # none: no compression bombs
)


@dataclass(frozen=True)
class Servicing:
    """A servicer and how to register it.

    Attributes:
        name: full service name, such as "mbctl.v1.RobotService".
        add: generated `add_...Servicer_to_server`.
        servicer: the implementation.
    """

    name: str
    add: Callable[[Any, Any], None]
    servicer: Any


class GrpcServer:
    """A bound server with per-service health."""

    def __init__(
        self,
        server: grpc.aio.Server,
        address: str,
        services: HealthServicer,
        names: Sequence[str],
        guard: CallGuard,
        claim: int,
    ) -> None:
        self._server = server
        self._claim = claim  # of its unix socket
        self._guard = guard
        self._health = services
        self._names = names
        self.address = address

    async def start(self) -> None:
        """Serve; every service starts as SERVING."""
        for name in self._names:
            await self.set_serving(name, True)
        await self._server.start()

    async def set_serving(self, service: str, serving: bool) -> None:
        """Say in grpc.health.v1 whether a service can do its work; "" is the whole server."""
        response = health_pb2.HealthCheckResponse
        await self._health.set(service, response.SERVING if serving else response.NOT_SERVING)

    async def drain(self) -> None:
        """Answer NOT_SERVING from now on, so that callers go away before `stop`."""
        await self._health.enter_graceful_shutdown()

    async def stop(self, grace_s: float) -> None:
        """End open calls with DRAINING, refuse new ones, cut off what is left after `grace_s`."""
        self._guard.end_calls()
        await self._server.stop(grace_s)
        claim, self._claim = self._claim, -1
        if claim >= 0:
            os.close(claim)


def build_server(
    listen: str,
    servicings: Sequence[Servicing],
    tls: TlsFiles | None = None,
    message_max_bytes: int = CONTROL_MESSAGE_MAX_BYTES,
    interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    daemon: DaemonName | None = None,
) -> GrpcServer:
    """Bind `listen`; call in a running event loop.

    Args:
        listen: "host:port" with port 0 for any, "unix:path" or "unix-abstract:name".
        daemon: goes with every answer.

    Raises:
        StartUpError: the address is malformed, taken, or reachable from outside without TLS.
    """
    guard = CallGuard(daemon=daemon)
    options = server_options(message_max_bytes)
    server = grpc.aio.server(interceptors=(guard, *interceptors, OnceGuard()), options=options)
    for servicing in servicings:
        servicing.add(servicing.servicer, server)
    names = [servicing.name for servicing in servicings]
    services = _add_health(server, names)
    check_listen(listen, tls)
    claim = claim_socket(listen) if is_unix(listen) else -1
    return GrpcServer(server, _bind(server, listen, tls), services, names, guard, claim)


def server_options(
    message_max_bytes: int = CONTROL_MESSAGE_MAX_BYTES,
) -> tuple[tuple[str, int], ...]:
    """Every channel argument of a server; gRPC ignores a misspelt one without a word."""
    return (
        *_OPTIONS,
        ("grpc.max_allowed_incoming_connections", connections_max()),
        ("grpc.max_receive_message_length", message_max_bytes),
        ("grpc.max_send_message_length", message_max_bytes),
    )


def check_listen(listen: str, tls: TlsFiles | None) -> None:
    """Refuse addresses that others can reach unless TLS guards them.

    Raises:
        StartUpError: says what would be right.
    """
    if is_unix(listen):
        return
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535 or not host:
        raise StartUpError(
            f"listen address {listen!r} is not host:port with a port from 0 to 65535, "
            "such as 127.0.0.1:50051, nor unix:path"
        )
    if tls is None and not _is_loopback(host):
        raise StartUpError(
            f"listen address {listen!r} can be reached from other machines and no TLS is "
            "configured: use 127.0.0.1 or set tls.certificate, tls.key and tls.client_ca"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _add_health(server: grpc.aio.Server, names: list[str]) -> HealthServicer:
    services = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(services, server)
    shown = (*names, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(shown, server)
    return services


def _bind(server: grpc.aio.Server, listen: str, tls: TlsFiles | None) -> str:
    if not is_unix(listen):
        _check_free(listen)
    credentials = None if tls is None else _credentials(tls)
    try:
        if credentials is None:
            port = server.add_insecure_port(listen)
        else:
            port = server.add_secure_port(listen, credentials)
    except (RuntimeError, OSError) as error:
        raise StartUpError(
            f"cannot listen on {listen}: {error}; is another daemon running there? "
            "choose another with --listen"
        ) from error
    return listen if is_unix(listen) else f"{listen.rpartition(':')[0]}:{port}"


def _check_free(listen: str) -> None:
    """gRPC is content with one free address of several: of "localhost" with the IPv6 one, while
    another daemon has the other and gets the clients.
    """
    host, _, port = listen.rpartition(":")
    if port == "0":
        return
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except OSError as error:
        raise StartUpError(f"cannot listen on {listen}: {error.strerror}") from error
    for family, _, _, _, address in found:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise StartUpError(
                        f"cannot listen on {listen}: {address[0]} port {port} is in use; is "
                        "another daemon running there? choose another with --listen"
                    ) from error


def _credentials(tls: TlsFiles) -> grpc.ServerCredentials:
    try:
        check_tls("tls", tls, "server")
    except ConfigError as error:
        raise StartUpError(str(error)) from error
    pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
    authority = tls.client_ca.read_bytes() if tls.client_ca else None
    return grpc.ssl_server_credentials(
        [pair], root_certificates=authority, require_client_auth=authority is not None
    )
