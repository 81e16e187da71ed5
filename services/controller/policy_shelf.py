"""The controller's own copies of policy versions: with them it starts without the trainer.

Only checked versions are handed out. A version is an integer, so nothing that comes from the wire
is ever part of a path.
"""

import shutil
from hashlib import sha256
from pathlib import Path

from mbctl.planners.settings import search_settings
from mbctl.policies.check import check_snapshot
from mbctl.policies.manifest import SnapshotError
from mbctl.policies.snapshot import (
    MANIFEST_FILE,
    Snapshot,
    list_versions,
    load_snapshot,
    save_snapshot,
    version_dir,
)
from mbctl.tasks.task import Task
from services.transient import is_transient

REFUSALS_KEPT = 200


class PolicyShelf:
    """A directory of versions and why some of them may not run.

    Attributes:
        directory: where they lie.
        refusals: reason and message by version.
    """

    def __init__(self, directory: Path, task: Task, period_s: float) -> None:
        self.directory = directory
        self._task = task
        self._period_s = period_s
        self.refusals: dict[int, str] = {}
        self._listed: list[int] = []
        directory.mkdir(parents=True, exist_ok=True)

    def versions(self) -> list[int]:
        """The versions on disk, ascending; as last seen while the system cannot list them."""
        try:
            self._listed = list_versions(self.directory)
        except OSError as error:
            if not is_transient(error):
                raise
        return self._listed

    def path(self, version: int) -> Path:
        return version_dir(self.directory, version)

    def holds(self, version: int, manifest_sha256: str = "") -> bool:
        """Whether the version is here; with a hash, whether its manifest has that hash."""
        manifest = self.path(version) / MANIFEST_FILE
        if not manifest.is_file():
            return False
        return not manifest_sha256 or sha256(manifest.read_bytes()).hexdigest() == manifest_sha256

    def read(self, version: int) -> Snapshot:
        """A version from disk, checked.

        Raises:
            SnapshotError: it is absent or may not run here; remembered in `refusals`.
        """
        try:
            snapshot = load_snapshot(self.path(version))
            if snapshot.manifest.version != version:
                found = snapshot.manifest.version
                raise SnapshotError(
                    f"version {version} says it is {found}", reason="MANIFEST_INVALID"
                )
        except SnapshotError as error:
            if error.reason != "SNAPSHOT_NOT_FOUND":
                self.refuse(version, error)
            raise
        return self.checked(snapshot)

    def checked(self, snapshot: Snapshot) -> Snapshot:
        """The same snapshot.

        Raises:
            SnapshotError: it may not run here; remembered in `refusals`.
        """
        try:
            check_snapshot(snapshot, self._task, period_s=self._period_s)
            _check_planner(snapshot)
        except SnapshotError as error:
            self.refuse(snapshot.manifest.version, error)
            raise
        self.refusals.pop(snapshot.manifest.version, None)
        return snapshot

    def keep(self, snapshot: Snapshot) -> None:
        """Store a checked snapshot; a different one under the same number gives way to it.

        Raises:
            OSError: the disk refused.
        """
        try:
            save_snapshot(snapshot, self.directory)
        except SnapshotError:  # left from another trainer's history, or damaged
            shutil.rmtree(self.path(snapshot.manifest.version))
            save_snapshot(snapshot, self.directory)

    def refuse(self, version: int, error: SnapshotError) -> None:
        """Remember why a version may not run."""
        self.refusals[version] = f"{error.reason}: {error.message}"
        while len(self.refusals) > REFUSALS_KEPT:
            self.refusals.pop(next(iter(self.refusals)))


def _check_planner(snapshot: Snapshot) -> None:
    planner = snapshot.manifest.policy.planner
    if planner is None:
        return
    try:
        search_settings(planner.search)
    except ValueError as error:
        message = f"version {snapshot.manifest.version}: {error}"
        raise SnapshotError(message, reason="PLANNER_INVALID") from error
