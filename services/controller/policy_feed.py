"""What the trainer has published: its list of versions, kept current, and their contents.

The versions' contents are cached by `PolicySource`; here they are only received, with a cap on
every size and an exact match of every offset.
"""

import random
from collections.abc import Callable

import grpc
import grpc.aio
import structlog

from mbctl.policies.manifest import MANIFEST_BYTES_MAX, SnapshotError
from mbctl.policies.snapshot import (
    MANIFEST_FILE,
    WEIGHTS_BYTES_MAX,
    WEIGHTS_FILE,
    Snapshot,
    snapshot_from_bytes,
)
from protos import trainer_pb2, trainer_pb2_grpc
from services.backoff import Backoff
from services.errors import reason_of

LIST_S = 5.0
FETCH_S = 60.0
PAGE_SIZE = 200
_LIMITS = {MANIFEST_FILE: MANIFEST_BYTES_MAX, WEIGHTS_FILE: WEIGHTS_BYTES_MAX}

log = structlog.get_logger()


class PolicyFeed:
    """The trainer's versions; `run` never returns.

    Attributes:
        connected: the list is current.
        newest, promoted: version numbers; 0 when there is none.
        manifest_sha256: by version, as the trainer says.
    """

    def __init__(self, channel: grpc.aio.Channel, rng: random.Random) -> None:
        self._stub = trainer_pb2_grpc.ModelServiceStub(channel)
        self._changed: Callable[[], None] = lambda: None
        self._backoff = Backoff(rng)
        self.connected = False
        self.newest = 0
        self.promoted = 0
        self.manifest_sha256: dict[int, str] = {}

    def on_change(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever the list has changed."""
        self._changed = changed

    async def run(self) -> None:
        """Keep the list current, with growing pauses while the trainer is away."""
        while True:
            try:
                await self._follow()
            except grpc.aio.AioRpcError as error:
                code, reason, message = reason_of(error)
                if self.connected:
                    log.warning("policy_feed_down", reason=reason or code.name, message=message)
            finally:
                self.connected = False
            await self._backoff.wait()

    async def fetch(self, version: int) -> Snapshot:
        """Receive one version.

        Raises:
            SnapshotError: its contents are not what they should be.
            grpc.aio.AioRpcError: the trainer is away or does not have it.
        """
        files: dict[str, bytearray] = {}
        call = self._stub.FetchVersion(
            trainer_pb2.FetchVersionRequest(version=version), timeout=FETCH_S
        )
        async for part in call:
            _append_part(files, part, version)
        if files.keys() != _LIMITS.keys():
            raise SnapshotError(
                f"version {version} came with {sorted(files)}, expected {sorted(_LIMITS)}",
                reason="SNAPSHOT_INCOMPLETE",
            )
        snapshot = snapshot_from_bytes(bytes(files[MANIFEST_FILE]), bytes(files[WEIGHTS_FILE]))
        if snapshot.manifest.version != version:
            raise SnapshotError(
                f"asked for version {version}, got version {snapshot.manifest.version}",
                reason="MANIFEST_INVALID",
            )
        return snapshot

    async def _follow(self) -> None:
        await self._list_all()
        self.connected = True
        self._backoff.succeed()
        self._changed()
        request = trainer_pb2.WatchVersionsRequest(after_version=self.newest)
        async for version in self._stub.WatchVersions(request):
            self._take(version)
            self._changed()

    async def _list_all(self) -> None:
        self.newest = self.promoted = 0
        self.manifest_sha256.clear()
        token = ""
        while True:
            request = trainer_pb2.ListVersionsRequest(page_size=PAGE_SIZE, page_token=token)
            page = await self._stub.ListVersions(request, timeout=LIST_S)
            for version in page.versions:
                self._take(version)
            token = page.next_page_token
            if not token:
                return

    def _take(self, version: trainer_pb2.Version) -> None:
        self.manifest_sha256[version.version] = version.manifest_sha256
        self.newest = max(self.newest, version.version)
        if version.promoted:
            self.promoted = version.version


def _append_part(files: dict[str, bytearray], part: trainer_pb2.VersionPart, version: int) -> None:
    limit = _LIMITS.get(part.name)
    if limit is None:
        raise SnapshotError(
            f"version {version} has an unknown file {part.name[:80]!r}",
            reason="SNAPSHOT_INCOMPLETE",
        )
    content = files.setdefault(part.name, bytearray())
    if (
        part.total > limit
        or part.offset != len(content)
        or (part.offset + len(part.data) > part.total)
    ):
        raise SnapshotError(
            f"version {version}: {part.name} part at {part.offset} with {len(part.data)} bytes of "
            f"{part.total}, expected offset {len(content)} and at most {limit} bytes",
            reason="SNAPSHOT_INCOMPLETE",
        )
    content += part.data
