"""The trainer's answers: versions, metrics and status as messages."""

from protos import trainer_pb2
from services import wire
from services.trainer.catalogue import RefitEntry, VersionEntry


def version_message(entry: VersionEntry, promoted: int) -> trainer_pb2.Version:
    """A version; `promoted` is the number of the promoted one."""
    return trainer_pb2.Version(
        version=entry.version,
        created=wire.timestamp_from_ns(entry.created_ns),
        algorithm=entry.algorithm,
        task=entry.task,
        robot_model=entry.robot_model,
        parent_version=entry.parent_version,
        train_rows=entry.train_rows,
        promoted=entry.version == promoted,
        manifest_sha256=entry.manifest_sha256,
        metrics=entry.metrics,
    )


def metrics_message(entry: RefitEntry) -> trainer_pb2.MetricsRecord:
    """What a refit measured."""
    return trainer_pb2.MetricsRecord(
        refit=entry.refit,
        version=entry.version,
        train_rows=entry.train_rows,
        wall_time=wire.timestamp_from_ns(entry.wall_ns),
        values=entry.metrics,
    )
