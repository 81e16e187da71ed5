"""Carries out refits: rows from the database, moves of the algorithm, checkpoint, version.

The order at the end of a refit makes any kill harmless: first the checkpoint, which contains the
new policy, then its publication, which resumption repeats when it is missing.
"""

import time
from collections.abc import Callable
from typing import Any

from mbctl.algorithms.algorithm import Algorithm, Cancelled, Metrics, Progress, snapshot_of
from mbctl.config import LearnerConfig
from mbctl.data.chunk_store import ChunkStore
from mbctl.data.replay import Replay
from mbctl.data.replay_feed import ReplayFeed
from mbctl.policies.manifest import row_layout
from mbctl.policies.snapshot import list_versions, save_snapshot
from mbctl.tasks.registry import make_task
from mbctl.tasks.task import Task
from services.trainer import checkpoint
from services.trainer.checkpoint import CheckpointError, CheckpointHead
from services.trainer.messages import (
    Advanced,
    Published,
    Ready,
    RefitCommand,
    finite,
)
from services.trainer.paths import DATABASE_FILE, VERSIONS_DIR

REPORT_PERIOD_S = 0.05
BuildAlgorithm = Callable[[str, dict[str, Any], Task, int, str], Algorithm]

_NO_ROWS_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class Learner:
    """One algorithm at its checkpoint.

    Args:
        build: makes the algorithm; `build_algorithm` of the registry.
        report: is told progress.
        is_cancelled: asked at each progress report whether this job is to stop.
    """

    def __init__(
        self,
        config: LearnerConfig,
        build: BuildAlgorithm,
        report: Callable[[Advanced], None],
        is_cancelled: Callable[[int], bool],
    ) -> None:
        self._config = config
        self._build = build
        self._report = report
        self._is_cancelled = is_cancelled
        self._task = make_task(config.task.name, config.task.observation)
        self._store = ChunkStore(config.run_dir / DATABASE_FILE, read_only=True)
        self._refit_share = 0.7  # of a whole operation's time; measured from the first one on
        self._restore()

    def ready(self) -> Ready:
        """Where it stands."""
        return Ready(
            initial_rows=self._algorithm.settings.initial_rows,
            rows_per_refit=self._algorithm.settings.rows_per_refit,
            newest=self._newest,
        )

    def refit(self, command: RefitCommand) -> Published:
        """Both players' moves on exactly the rows that the command names, then a new version.

        Raises:
            Cancelled: it was cancelled; the learner is back where it was.
        """
        try:
            self._feed.advance_to(command.rows)
            metrics = self._move(command.job)
        except Cancelled:
            self._restore()
            raise
        self._newest = Published(
            refit=command.refit,
            version=self._newest.version + 1,
            rows=command.rows,
            rows_sha256=self._feed.rows_sha256,
            metrics=finite(metrics),
        )
        self._save()
        self._publish()
        return self._newest

    def _move(self, job: int) -> Metrics:
        share = self._refit_share
        started = time.monotonic()
        metrics = self._algorithm.refit(self._replay, self._progress(job, 0.0, share))
        fitted = time.monotonic()
        improve = self._progress(job, share, 1.0 - share)
        metrics = {**metrics, **self._algorithm.improve(self._replay, improve)}
        improved = time.monotonic()
        self._progress(job, 1.0, 0.0)("PUBLISH", 0.0, {})
        self._refit_share = (fitted - started) / max(improved - started, 1e-9)
        return {**metrics, "refit_s": fitted - started, "improve_s": improved - fitted}

    def _progress(self, job: int, before: float, share: float) -> Progress:
        """Progress of a phase that starts at `before` of the whole and makes up `share` of it."""
        due = -1.0

        def progress(phase: str, fraction: float, values: Metrics) -> None:
            nonlocal due
            if self._is_cancelled(job):
                raise Cancelled(f"job {job} was cancelled")
            if time.monotonic() < due:
                return
            due = time.monotonic() + REPORT_PERIOD_S
            within = min(max(fraction, 0.0), 1.0)
            self._report(
                Advanced(
                    job=job,
                    phase=phase.upper(),
                    fraction=within,
                    overall=before + share * within,
                    values=finite(values),
                )
            )

        return progress

    def _restore(self) -> None:
        """Stand at the checkpoint, or at the beginning; publish what it stands for."""
        config = self._config
        self._algorithm = self._build(
            config.algorithm.name,
            config.algorithm.settings,
            self._task,
            config.seed,
            config.device,
        )
        self._replay = Replay(row_layout(self._task), self._algorithm.settings.buffer_rows)
        self._feed = ReplayFeed(self._store, self._replay)
        found = checkpoint.load_checkpoint(config.run_dir)
        self._check_versions(0 if found is None else found[0].newest.version)
        if found is None:
            self._newest = Published(
                refit=0, version=1, rows=0, rows_sha256=_NO_ROWS_SHA256, metrics={}
            )
            self._save()
        else:
            self._resume(*found)
        self._publish()

    def _resume(self, head: CheckpointHead, state: dict[str, Any]) -> None:
        checkpoint.check_identity(head, self._config.identity, self._config.run_dir)
        self._algorithm.load_state(state)
        self._feed.advance_to(head.newest.rows)
        if self._feed.rows_sha256 != head.newest.rows_sha256:
            raise CheckpointError(
                f"the first {head.newest.rows} training rows of {self._store.path} are not those "
                "that the checkpoint was learned from",
                reason="CHECKPOINT_MISMATCH",
            )
        self._newest = head.newest

    def _check_versions(self, version: int) -> None:
        newest = max(list_versions(self._config.run_dir / VERSIONS_DIR), default=0)
        if newest > version:
            raise CheckpointError(
                f"run directory {self._config.run_dir} holds version {newest}, its checkpoint "
                f"stands at version {version}: restore it or choose another run directory",
                reason="CHECKPOINT_MISSING",
            )

    def _save(self) -> None:
        head = CheckpointHead(identity=self._config.identity, newest=self._newest)
        checkpoint.save_checkpoint(self._config.run_dir, head, self._algorithm.state())

    def _publish(self) -> None:
        newest = self._newest
        snapshot = snapshot_of(
            self._algorithm,
            self._task,
            self._config.algorithm.name,
            newest.version,
            parent_version=newest.version - 1,
            train_rows=newest.rows,
            metrics=newest.metrics,
        )
        save_snapshot(snapshot, self._config.run_dir / VERSIONS_DIR)
