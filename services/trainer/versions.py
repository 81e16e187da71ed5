"""The published versions as the event loop sees them: a list in memory, watchers, promotion.

Each new version is promoted as it appears, unless an older one was promoted on request: that one
stays promoted until the newest is promoted again.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

from mbctl.policies.manifest import parse_manifest
from mbctl.policies.snapshot import MANIFEST_FILE, list_versions, version_dir
from protos import trainer_pb2
from services import wire
from services.errors import refusal
from services.trainer.catalogue import Catalogue, RefitEntry, VersionEntry
from services.trainer.messages import Published


class Versions:
    """What has been published and which version is promoted.

    Attributes:
        promoted: 0 when nothing has been published.
    """

    def __init__(self, catalogue: Catalogue, directory: Path) -> None:
        self._catalogue = catalogue
        self.directory = directory
        versions, self._refits, self.promoted = catalogue.load()
        self._entries = {entry.version: entry for entry in versions}
        self._changes: list[int] = []  # versions in the order of their publication or promotion
        self._changed = asyncio.Event()

    @property
    def newest(self) -> int:
        """0 when nothing has been published."""
        return max(self._entries, default=0)

    @property
    def refits(self) -> list[RefitEntry]:
        """Finished refits, oldest first."""
        return self._refits

    def entries(self) -> list[VersionEntry]:
        """All versions, newest first."""
        return sorted(self._entries.values(), key=lambda entry: -entry.version)

    def get(self, version: int) -> VersionEntry:
        """One version.

        Raises:
            ServiceError: there is none of that number.
        """
        if version not in self._entries:
            message = f"there is no version {version}; the newest is {self.newest}"
            raise refusal("UNKNOWN_VERSION", message)
        return self._entries[version]

    async def publish(self, published: Published) -> None:
        """Take in a version that the learner has put on disk, and older ones never heard of."""
        on_disk = await asyncio.to_thread(list_versions, self.directory)
        for version in on_disk:
            if version not in self._entries and version <= published.version:
                await self._add(version, published if version == published.version else None)

    async def promote(self, version: int) -> VersionEntry:
        """Make `version` the promoted one, durably.

        Raises:
            ServiceError: there is none of that number.
        """
        entry = self.get(version)
        await asyncio.to_thread(self._catalogue.promote, version)
        self.promoted = version
        self._tell(version)
        return entry

    async def watch(self, after: int) -> AsyncIterator[VersionEntry]:
        """Versions above `after`, the promoted one if it is not the newest, then each change."""
        seen = len(self._changes)
        for entry in sorted(self._entries.values(), key=lambda entry: entry.version):
            if entry.version > after:
                yield entry
        if 0 < self.promoted < self.newest and self.promoted <= after:
            yield self._entries[self.promoted]
        while True:
            changed = self._changed
            for version in self._changes[seen:]:
                yield self._entries[version]
                seen += 1
            if seen == len(self._changes):
                await changed.wait()

    async def _add(self, version: int, published: Published | None) -> None:
        entry = await asyncio.to_thread(_read_entry, self.directory, version)
        refit = _refit_entry(published) if published is not None else None
        promoted = version if self.promoted == self.newest else self.promoted
        await asyncio.to_thread(self._catalogue.record, entry, refit, promoted)
        self._entries[version] = entry
        if refit is not None:
            self._refits.append(refit)
        self.promoted = promoted
        self._tell(version)

    def _tell(self, version: int) -> None:
        self._changes.append(version)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _refit_entry(published: Published) -> RefitEntry | None:
    if published.refit == 0:
        return None
    return RefitEntry(
        refit=published.refit,
        version=published.version,
        train_rows=published.rows,
        rows_sha256=published.rows_sha256,
        wall_ns=time.time_ns(),
        metrics=published.metrics,
    )


def _read_entry(directory: Path, version: int) -> VersionEntry:
    content = (version_dir(directory, version) / MANIFEST_FILE).read_bytes()
    manifest = parse_manifest(content)
    return VersionEntry(
        version=version,
        created_ns=int(datetime.fromisoformat(manifest.created).timestamp() * 1e9),
        algorithm=manifest.algorithm,
        task=manifest.task,
        robot_model=manifest.robot_model,
        parent_version=manifest.parent_version,
        train_rows=manifest.train_rows,
        manifest_sha256=hashlib.sha256(content).hexdigest(),
        metrics=dict(manifest.metrics),
    )


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
