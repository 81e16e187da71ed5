"""Logs and metrics of the daemons: event names with fields on stderr, Prometheus on request."""

import logging
import ssl
import sys
from collections.abc import Callable

import prometheus_client
import structlog

from services.channel import TlsFiles
from services.daemon import StartUpError
from services.metrics_server import MetricsServer
from services.server import check_listen


def configure_logging(service: str, level: str = "info") -> None:
    """Log to stderr: readable on a terminal, one JSON object a line anywhere else."""
    terminal = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    exceptions = [] if terminal else [structlog.processors.format_exc_info]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *exceptions,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(service=service)


def serve_metrics(
    listen: str,
    registry: prometheus_client.CollectorRegistry,
    tls: TlsFiles | None = None,
) -> Callable[[], None]:
    """Serve `/metrics` on "host:port"; the returned function stops it.

    Raises:
        StartUpError: the address is malformed, taken, or reachable from outside without TLS.
    """
    check_listen(listen, tls)
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
