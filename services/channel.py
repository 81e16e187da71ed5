"""Client channels with the options every client of the daemons wants."""

import os
from pathlib import Path
from typing import Protocol

import grpc
import grpc.aio

DEADLINE_MAX_S = 30.0  # of a call with one answer
MESSAGE_MAX_BYTES = 16 * 1024 * 1024

# A dead peer is noticed within 15 s even when no call is open.
CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # So long a connection may take, whatever the name says: a daemon on a busy machine is slow.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.max_receive_message_length", MESSAGE_MAX_BYTES),
    ("grpc.max_send_message_length", MESSAGE_MAX_BYTES),
    ("grpc.enable_http_proxy", 0),
)


class TlsFiles(Protocol):
    """Paths of PEM files; `client_ca` makes client certificates mandatory."""

    @property
    def certificate(self) -> Path: ...
    @property
    def key(self) -> Path: ...
    @property
    def client_ca(self) -> Path | None: ...


def open_channel(target: str, tls: TlsFiles | None = None) -> grpc.Channel:
    """A blocking channel to "host:port" or "unix:path"; it connects when first used.

    Raises:
        ServiceError: FORKED, in a process forked from one that has opened a channel: of gRPC's
            threads and locks it has the locks.
    """
    _check_not_forked(target)
    if tls is None:
        return grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
    return grpc.secure_channel(target, _credentials(tls), options=CHANNEL_OPTIONS)


def open_aio_channel(target: str, tls: TlsFiles | None = None) -> grpc.aio.Channel:
    """The same for asyncio."""
    if tls is None:
        return grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
    return grpc.aio.secure_channel(target, _credentials(tls), options=CHANNEL_OPTIONS)


_used_by = 0  # process in which gRPC was used first; inherited over a fork


def _check_not_forked(target: str) -> None:
    global _used_by
    _used_by = _used_by or os.getpid()
    if _used_by == os.getpid():
        return
    from services.errors import refusal

    raise refusal(
        "FORKED",
        f"no client of {target} can be made here: process {_used_by}, from which this one "
        f"({os.getpid()}) was forked, uses gRPC already. Fork before the first client is made, or "
        'start processes with multiprocessing.get_context("spawn")',
    )


def _credentials(tls: TlsFiles) -> grpc.ChannelCredentials:
    roots = tls.client_ca.read_bytes() if tls.client_ca else tls.certificate.read_bytes()
    return grpc.ssl_channel_credentials(
        root_certificates=roots,
        private_key=tls.key.read_bytes(),
        certificate_chain=tls.certificate.read_bytes(),
    )
