"""Prometheus figures of the trainer, read from its status when they are asked for."""

from collections.abc import Callable, Iterator

import prometheus_client
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mbctl.config.models import TrainerConfig
from services.telemetry import serve_metrics
from services.trainer.status import StatusBoard

_GAUGES = (
    "rows_stored",
    "train_rows_stored",
    "train_rows_used",
    "next_refit_at_rows",
    "refits",
    "newest_version",
    "promoted_version",
    "samples_per_insert",
    "fraction",
)


class TrainerCollector(Collector):
    """One gauge per number of the status, `mbctl_trainer_...`."""

    def __init__(self, board: StatusBoard) -> None:
        self._board = board

    def collect(self) -> Iterator[GaugeMetricFamily]:
        status = self._board.status()
        for name in _GAUGES:
            yield GaugeMetricFamily(f"mbctl_trainer_{name}", name, value=getattr(status, name))
        failed = float(status.phase == "FAILED")
        yield GaugeMetricFamily("mbctl_trainer_failed", "learner has failed", value=failed)


def serve_trainer_metrics(config: TrainerConfig, board: StatusBoard) -> Callable[[], None]:
    """Serve `/metrics` if it is configured; the returned function stops it.

    Raises:
        StartUpError: the address is malformed or taken.
    """
    if not config.metrics_listen:
        return lambda: None
    registry = prometheus_client.CollectorRegistry()
    registry.register(TrainerCollector(board))
    return serve_metrics(config.metrics_listen, registry, config.tls)
