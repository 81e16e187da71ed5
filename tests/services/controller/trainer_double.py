"""A trainer in this process: the real ingest over a real database, and versions as a test says."""

import asyncio
import hashlib
import threading
from pathlib import Path

from mbctl.data.chunk_store import ChunkStore
from mbctl.data.chunk_writer import ChunkWriter
from mbctl.policies.manifest import row_layout
from mbctl.policies.snapshot import MANIFEST_FILE, WEIGHTS_FILE, Snapshot
from mbctl.tasks.registry import make_task
from protos import trainer_pb2, trainer_pb2_grpc
from services.errors import refusal
from services.server import Servicing, build_server
from services.trainer.ingest_servicer import IngestServicer

TASK = "dclaw-turn-random"


class Versions(trainer_pb2_grpc.ModelServiceServicer):
    """Publishes what it is given, however wrong."""

    def __init__(self) -> None:
        self._files: dict[int, tuple[bytes, bytes]] = {}
        self.promoted = 0
        self._told = 0

    def publish(self, snapshot: Snapshot, weights: bytes | None = None) -> None:
        """Make a version known; `weights` take the place of the snapshot's own."""
        manifest, own = snapshot.files
        self._files[snapshot.manifest.version] = manifest, own if weights is None else weights
        self.promoted = snapshot.manifest.version
        self._told += 1

    def promote(self, version: int) -> None:
        self.promoted = version
        self._told += 1

    async def ListVersions(self, request, context):
        versions = [self._message(v) for v in sorted(self._files, reverse=True)]
        return trainer_pb2.ListVersionsResponse(versions=versions)

    async def WatchVersions(self, request, context):
        told = -1
        while True:
            if told != self._told:
                told = self._told
                for version in sorted({max(self._files, default=0), self.promoted} - {0}):
                    yield self._message(version)
            await asyncio.sleep(0.02)

    async def FetchVersion(self, request, context):
        if request.version not in self._files:
            raise refusal("UNKNOWN_VERSION", f"no version {request.version}")
        names = (MANIFEST_FILE, WEIGHTS_FILE)
        for name, data in zip(names, self._files[request.version], strict=True):
            for offset in range(0, len(data), 4096):
                part = data[offset : offset + 4096]
                yield trainer_pb2.VersionPart(name=name, offset=offset, total=len(data), data=part)

    def _message(self, version: int) -> trainer_pb2.Version:
        return trainer_pb2.Version(
            version=version,
            promoted=version == self.promoted,
            manifest_sha256=hashlib.sha256(self._files[version][0]).hexdigest(),
        )


class TrainerDouble:
    """Serves on a fixed port from `start` to `stop`, as often as wanted, over one database."""

    def __init__(self, path: Path, port: int) -> None:
        self.path = path
        self.address = f"127.0.0.1:{port}"
        self.versions = Versions()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10), "the trainer does not start"

    def stop(self) -> None:
        """Cut every stream off at once."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(10)
            self._thread = None

    def rows(self) -> list[bytes]:
        """Every row that was made durable, in order."""
        layout = row_layout(make_task(TASK))
        with ChunkStore(self.path, read_only=True) as store:
            chunks = [c for _, c in store.chunks_after(0, 1_000_000, train_only=False)]
        size = layout.row_bytes
        return [c.rows[i : i + size] for c in chunks for i in range(0, len(c.rows), size)]

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        layout = row_layout(make_task(TASK))
        with (
            ChunkStore(self.path, refuse_repeats=True) as store,
            ChunkWriter(store) as writer,
        ):
            ingest = IngestServicer(store, writer, layout, TASK, lambda: None, lambda _: None)
            add = trainer_pb2_grpc
            server = build_server(
                self.address,
                [
                    Servicing("ingest", add.add_IngestServiceServicer_to_server, ingest),
                    Servicing("model", add.add_ModelServiceServicer_to_server, self.versions),
                ],
                message_max_bytes=4 << 20,
            )
            await server.start()
            self._ready.set()
            await self._end.wait()
            await server.stop(0)
