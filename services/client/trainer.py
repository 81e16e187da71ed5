"""Blocking client of the trainer: status, refits, versions, metrics."""

from collections.abc import Iterator
from typing import Self

from protos import trainer_pb2, trainer_pb2_grpc
from services.channel import TlsFiles
from services.client.caller import CALL_TIMEOUT_S, Caller
from services.client.operation import RunningOperation

MODEL_SERVICE = "mbctl.v1.ModelService"
PAGE_SIZE = 200

Refit = RunningOperation[trainer_pb2.RefitMetadata, trainer_pb2.RefitResponse]


class TrainerClient:
    """Talks to one trainer. Every method raises ServiceError when it is refused or fails."""

    def __init__(
        self, target: str, tls: TlsFiles | None = None, timeout_s: float = CALL_TIMEOUT_S
    ) -> None:
        self.caller = Caller(target, tls, timeout_s, named_by="task")
        self._model = trainer_pb2_grpc.ModelServiceStub(self.caller.channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.caller.close()

    def is_serving(self) -> bool:
        """Whether the trainer answers and its model service can work."""
        return self.caller.is_serving(MODEL_SERVICE)

    def status(self) -> trainer_pb2.TrainerStatus:
        request = trainer_pb2.GetTrainerStatusRequest()
        return self.caller.call(self._model.GetTrainerStatus, request)

    def watch_status(self, period_s: float = 0.5) -> Iterator[trainer_pb2.TrainerStatus]:
        request = trainer_pb2.WatchTrainerStatusRequest(period_ms=round(1000 * period_s))
        return self.caller.stream(self._model.WatchTrainerStatus, request)

    def refit(self) -> Refit:
        """Start a refit and improvement on all rows there are."""
        request = trainer_pb2.RefitRequest()
        operation = self.caller.call(self._model.Refit, request)
        return RunningOperation(
            self.caller, operation, trainer_pb2.RefitMetadata, trainer_pb2.RefitResponse
        )

    def versions(self, limit: int = PAGE_SIZE) -> list[trainer_pb2.Version]:
        """Up to `limit` published versions, in the trainer's order."""
        found: list[trainer_pb2.Version] = []
        token = ""
        while len(found) < limit:
            request = trainer_pb2.ListVersionsRequest(
                page_size=min(PAGE_SIZE, limit - len(found)), page_token=token
            )
            page = self.caller.call(self._model.ListVersions, request)
            found.extend(page.versions)
            token = page.next_page_token
            if not token:
                break
        return found[:limit]

    def promote(self, version: int) -> trainer_pb2.Version:
        request = trainer_pb2.PromoteVersionRequest(version=version)
        return self.caller.call(self._model.PromoteVersion, request)

    def metrics(self, after_refit: int = 0) -> list[trainer_pb2.MetricsRecord]:
        """What each refit after `after_refit` measured."""
        request = trainer_pb2.ListMetricsRequest(after_refit=after_refit)
        return list(self.caller.call(self._model.ListMetrics, request).records)
