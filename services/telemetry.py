"""Logs and metrics of the daemons: event names with fields on stderr, Prometheus on request."""

import ssl
from collections.abc import Callable
from pathlib import Path

import prometheus_client
from prometheus_client.registry import Collector

from mbctl.exit_codes import StartUpError
from services.channel import TlsFiles
from services.logs.capture import capture_output, capture_reports
from services.logs.configure import configure_logging
from services.metrics_server import MetricsServer
from services.server import check_listen

__all__ = ["begin_logging", "configure_logging", "serve_metrics"]


def begin_logging(service: str, log_file: Path | None = None) -> None:
    """Set up the logs of a daemon, and make log events of all that is printed in it.

    Args:
        log_file: in place of stderr; it is rotated by size.

    Raises:
        StartUpError: the file cannot be opened.
    """
    try:
        configure_logging(service, log_file=log_file)
    except OSError as error:
        raise StartUpError(f"cannot log to {log_file}: {error.strerror}") from error
    capture_reports()
    capture_output()


def serve_metrics(
    listen: str, collector: Collector, tls: TlsFiles | None = None
) -> Callable[[], None]:
    """Serve what `collector` knows as `/metrics` on "host:port"; nothing where `listen` is empty.

    Returns:
        What stops it.

    Raises:
        StartUpError: the address is malformed, taken, or reachable from outside without TLS.
    """
    if not listen:
        return lambda: None
    check_listen(listen, tls)
    registry = prometheus_client.CollectorRegistry()
    registry.register(collector)
    host, _, port = listen.rpartition(":")
    try:
        context = _tls_context(tls) if tls else None
        return MetricsServer(host.strip("[]"), int(port), registry, context).close
    except OSError as error:
        raise StartUpError(f"cannot serve metrics on {listen}: {error}") from error


def _tls_context(tls: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    return context
