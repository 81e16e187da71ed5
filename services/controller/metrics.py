"""Prometheus figures of the controller, read from its parts when they are asked for."""

from collections.abc import Callable, Iterator

import prometheus_client
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mbctl.config import ControllerConfig
from services.controller.spool import Spool
from services.controller.view import ControlView
from services.telemetry import serve_metrics

_SPOOL = ("chunks", "rows", "bytes", "quota_bytes", "rows_written", "rows_acknowledged")
_LOOP = ("cycles", "overruns", "lateness_p50_us", "lateness_p99_us", "lateness_max_us")


class ControllerCollector(Collector):
    """One gauge per number, `mbctl_controller_...`."""

    def __init__(self, view: ControlView, spool: Spool) -> None:
        self._view = view
        self._spool = spool

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _gauge("lifecycle", float(self._view.lifecycle))
        counts = self._spool.counts()
        for name in _SPOOL:
            yield _gauge(f"spool_{name}", getattr(counts, name))
        yield _gauge("spool_blocked", float(bool(counts.error)))
        yield _gauge("trainer_connected", float(counts.trainer_connected))
        board = self._view.read_board()
        if board is not None:
            yield _gauge("policy_version", board.policy_version)
            for name in _LOOP:
                yield _gauge(f"loop_{name}", getattr(board.loop, name))


def serve_controller_metrics(
    config: ControllerConfig, view: ControlView, spool: Spool
) -> Callable[[], None]:
    """Serve `/metrics` if it is configured; the returned function stops it.

    Raises:
        StartUpError: the address is malformed or taken.
    """
    if not config.metrics_listen:
        return lambda: None
    registry = prometheus_client.CollectorRegistry()
    registry.register(ControllerCollector(view, spool))
    return serve_metrics(config.metrics_listen, registry, config.tls)


def _gauge(name: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"mbctl_controller_{name}", name.replace("_", " "), value=value)
