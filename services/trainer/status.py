"""The trainer's state in one message, with who waits for what in words."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mbctl.config.models import TrainerConfig
from mbctl.data.chunk_store import ChunkStore
from protos import trainer_pb2
from services.trainer.refits import Refits
from services.trainer.versions import Versions


class StatusReport:
    """Puts the status together from the parts that know.

    Attributes:
        ingest_error: why rows cannot be stored now; empty when they can.
    """

    def __init__(
        self, config: TrainerConfig, store: ChunkStore, refits: Refits, versions: Versions
    ) -> None:
        self._config = config
        self._store = store
        self._refits = refits
        self._versions = versions
        self.ingest_error = ""

    def status(self) -> trainer_pb2.TrainerStatus:
        counts = self._store.counts()
        refits, versions = self._refits, self._versions
        job, newest = refits.current, refits.newest
        done = versions.refits[-1] if versions.refits else None
        return trainer_pb2.TrainerStatus(
            task=self._config.task.name,
            algorithm=self._config.algorithm.name,
            phase=self._phase(),
            fraction=job.fraction if job else 0.0,
            refits=newest.refit if newest else 0,
            newest_version=versions.newest,
            promoted_version=versions.promoted,
            rows_stored=counts.rows,
            train_rows_stored=counts.train_rows,
            train_rows_used=max(job.rows or 0 if job else 0, newest.rows if newest else 0),
            next_refit_at_rows=refits.next_rows,
            samples_per_insert=refits.pace.samples_after(0),
            blocked=self._blocked(counts.train_rows),
            database=str(self._store.path),
            metrics=done.metrics if done else {},
            error=refits.error,
        )

    def _phase(self) -> str:
        if self._refits.failed:
            return "FAILED"
        if not self._refits.ready:
            return "STARTING"
        return self._refits.current.phase if self._refits.current else "WAITING"

    def _blocked(self, train_rows: int) -> str:
        refits = self._refits
        if self.ingest_error:
            return f"robots wait for the database: {self.ingest_error}"
        if refits.storage_error:
            return f"the learner waits for the database: {refits.storage_error}"
        if refits.failed:
            return "learning waits for the learner process, which failed"
        if not refits.ready:
            return "learning waits for the learner process, which is starting"
        if refits.current is not None:
            return ""
        if train_rows < refits.next_rows:
            missing = refits.next_rows - train_rows
            return f"the learner waits for {missing} more training rows of {refits.next_rows}"
        return (
            f"the learner waits for more training rows: another refit would draw "
            f"{refits.pace.samples_after(refits.next_rows):.3g} samples per stored row, "
            f"the limit is {refits.pace.samples_limit:.3g}"
        )


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

    def __init__(self, report: StatusReport) -> None:
        self._report = report

    def collect(self) -> Iterator[GaugeMetricFamily]:
        status = self._report.status()
        for name in _GAUGES:
            yield GaugeMetricFamily(f"mbctl_trainer_{name}", name, value=getattr(status, name))
        failed = float(status.phase == "FAILED")
        yield GaugeMetricFamily("mbctl_trainer_failed", "learner has failed", value=failed)
