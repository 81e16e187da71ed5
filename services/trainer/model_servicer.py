"""Refits, status, versions and metrics over gRPC."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
from google.longrunning.operations_proto_pb2 import Operation

from mbctl.policies.snapshot import MANIFEST_FILE, WEIGHTS_FILE, version_dir
from protos import trainer_pb2, trainer_pb2_grpc
from services.errors import ServiceError, invalid_field
from services.trainer.refits import Refits
from services.trainer.status import StatusReport
from services.trainer.versions import Versions, metrics_message, version_message
from services.transient import is_transient

PART_BYTES = 512 * 1024
PAGE_MAX = 1000
PAGE_DEFAULT = 100
METRICS_MAX = 1000  # records in one answer; ask again after the last
PERIOD_DEFAULT_MS = 500

Context = grpc.aio.ServicerContext


class ModelServicer(trainer_pb2_grpc.ModelServiceServicer):
    """The trainer as its clients see it."""

    def __init__(self, refits: Refits, versions: Versions, report: StatusReport) -> None:
        self._refits = refits
        self._versions = versions
        self._report = report

    async def Refit(self, request: trainer_pb2.RefitRequest, context: Context) -> Operation:
        return self._refits.request().to_proto()

    async def GetTrainerStatus(
        self, request: trainer_pb2.GetTrainerStatusRequest, context: Context
    ) -> trainer_pb2.TrainerStatus:
        return self._report.status()

    async def WatchTrainerStatus(
        self, request: trainer_pb2.WatchTrainerStatusRequest, context: Context
    ) -> AsyncIterator[trainer_pb2.TrainerStatus]:
        period_ms = request.period_ms or PERIOD_DEFAULT_MS
        if not 20 <= period_ms <= 60_000:
            raise invalid_field("period_ms", period_ms, "20 to 60000, or 0")
        loop = asyncio.get_running_loop()
        deadline = loop.time()
        while True:
            yield self._report.status()
            deadline = max(deadline + period_ms / 1000, loop.time())
            await asyncio.sleep(deadline - loop.time())

    async def ListVersions(
        self, request: trainer_pb2.ListVersionsRequest, context: Context
    ) -> trainer_pb2.ListVersionsResponse:
        """Newest first; the page token is the last version of the page before."""
        if not 0 <= request.page_size <= PAGE_MAX:
            raise invalid_field("page_size", request.page_size, f"0 to {PAGE_MAX}")
        entries = self._versions.entries()
        if request.page_token:
            before = _token(request.page_token)
            entries = [entry for entry in entries if entry.version < before]
        size = request.page_size or PAGE_DEFAULT
        page = [version_message(entry, self._versions.promoted) for entry in entries[:size]]
        token = str(page[-1].version) if len(entries) > size else ""
        return trainer_pb2.ListVersionsResponse(versions=page, next_page_token=token)

    async def WatchVersions(
        self, request: trainer_pb2.WatchVersionsRequest, context: Context
    ) -> AsyncIterator[trainer_pb2.Version]:
        if request.after_version < 0:
            raise invalid_field("after_version", request.after_version, "0 or more")
        async for entry in self._versions.watch(request.after_version):
            yield version_message(entry, self._versions.promoted)

    async def FetchVersion(
        self, request: trainer_pb2.FetchVersionRequest, context: Context
    ) -> AsyncIterator[trainer_pb2.VersionPart]:
        entry = self._versions.get(request.version)
        directory = version_dir(self._versions.directory, entry.version)
        for name in (MANIFEST_FILE, WEIGHTS_FILE):
            data = await asyncio.to_thread(_read, directory / name)
            if name == MANIFEST_FILE and hashlib.sha256(data).hexdigest() != entry.manifest_sha256:
                raise _damaged(f"{directory / name} is not the file that was published")
            for offset in range(0, max(1, len(data)), PART_BYTES):
                part = data[offset : offset + PART_BYTES]
                yield trainer_pb2.VersionPart(name=name, offset=offset, total=len(data), data=part)

    async def PromoteVersion(
        self, request: trainer_pb2.PromoteVersionRequest, context: Context
    ) -> trainer_pb2.Version:
        entry = await self._versions.promote(request.version)
        return version_message(entry, self._versions.promoted)

    async def ListMetrics(
        self, request: trainer_pb2.ListMetricsRequest, context: Context
    ) -> trainer_pb2.ListMetricsResponse:
        """At most METRICS_MAX records, oldest first; ask again after the last one's refit."""
        if request.after_refit < 0:
            raise invalid_field("after_refit", request.after_refit, "0 or more")
        entries = [e for e in self._versions.refits if e.refit > request.after_refit]
        records = [metrics_message(entry) for entry in entries[:METRICS_MAX]]
        return trainer_pb2.ListMetricsResponse(records=records)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        if is_transient(error):
            raise
        raise _damaged(f"{path} cannot be read: {error.strerror}") from error


def _damaged(message: str) -> ServiceError:
    return ServiceError(grpc.StatusCode.DATA_LOSS, "VERSION_DAMAGED", message)


def _token(token: str) -> int:
    if not token.isdecimal() or len(token) > 9:
        raise invalid_field("page_token", token, "one that ListVersions answered")
    return int(token)
