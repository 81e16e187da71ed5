"""A scripted peer on loopback: answers as the daemons do, so that clients are tested on a wire."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import empty_pb2
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status

from protos import (
    common_pb2,
    controller_pb2,
    controller_pb2_grpc,
    trainer_pb2,
    trainer_pb2_grpc,
)
from services.errors import ServiceError

Robot = controller_pb2_grpc.RobotServiceServicer
Episode = controller_pb2_grpc.EpisodeServiceServicer


@dataclass
class Peer(
    Robot, Episode, trainer_pb2_grpc.ModelServiceServicer, operations_pb2_grpc.OperationsServicer
):
    """Remembers what it was asked; `refuse` makes a method fail from now on."""

    requests: list[Any] = field(default_factory=list)
    refuse: dict[str, ServiceError] = field(default_factory=dict)
    polls_until_done: int = 3
    outcome: status_pb2.Status | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def _note(self, name: str, request: Any, context: grpc.ServicerContext) -> None:
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
        if name in self.refuse:
            context.abort_with_status(rpc_status.to_status(self.refuse[name].status()))

    def GetStatus(self, request, context):
        self._note("GetStatus", request, context)
        return controller_pb2.GetStatusResponse(robot="dclaw0", lifecycle=2)

    def WatchStatus(self, request, context):
        for cycle in range(3):
            yield controller_pb2.GetStatusResponse(robot="dclaw0", monotonic_ns=cycle)

    def AcquireLease(self, request, context):
        self._note("AcquireLease", request, context)
        return controller_pb2.Lease(token="t", owner=request.owner, window_s=request.window_s)

    def RetainLease(self, request, context):
        self._note("RetainLease", request, context)
        return controller_pb2.Lease(token=request.token)

    def ReturnLease(self, request, context):
        self._note("ReturnLease", request, context)
        return controller_pb2.ReturnLeaseResponse()

    def RunEpisodes(self, request, context):
        self._note("RunEpisodes", request, context)
        return self._operation(done=False, finished=0)

    def ListEpisodes(self, request, context):
        self._note("ListEpisodes", request, context)
        start = int(request.page_token or 0)
        end = min(start + request.page_size, 450)
        records = [common_pb2.EpisodeRecord(index=i) for i in range(start, end)]
        return controller_pb2.ListEpisodesResponse(
            episodes=records, next_page_token=str(end) if end < 450 else ""
        )

    def ListVersions(self, request, context):
        self._note("ListVersions", request, context)
        start = int(request.page_token or 0)
        end = min(start + request.page_size, 250)
        versions = [trainer_pb2.Version(version=i) for i in range(start + 1, end + 1)]
        return trainer_pb2.ListVersionsResponse(
            versions=versions, next_page_token=str(end) if end < 250 else ""
        )

    def WaitOperation(self, request, context):
        self._note("WaitOperation", request, context)
        self.polls_until_done -= 1
        return self._operation(self.polls_until_done <= 0, 3 - self.polls_until_done)

    def CancelOperation(self, request, context):
        self._note("CancelOperation", request, context)
        self.polls_until_done = 0
        self.outcome = status_pb2.Status(code=code_pb2.CANCELLED, message="cancelled")
        return empty_pb2.Empty()

    def GetTrainerStatus(self, request, context):
        self._note("GetTrainerStatus", request, context)
        return trainer_pb2.TrainerStatus(metrics={"model_error_one_step": 0.25})

    def _operation(self, done: bool, finished: int) -> Any:
        operation = operations_pb2.Operation(name="operations/7", done=done)
        operation.metadata.Pack(controller_pb2.RunEpisodesMetadata(finished=finished))
        if done and self.outcome is not None:
            operation.error.CopyFrom(self.outcome)
        elif done:
            operation.response.Pack(controller_pb2.RunEpisodesResponse(rows=120))
        return operation

    def seen(self, kind: type) -> list[Any]:
        return [r for r in self.requests if isinstance(r, kind)]

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> bool:
        with self.changed:
            return self.changed.wait_for(condition, timeout_s)


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
def target(peer: Peer) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(8))
    controller_pb2_grpc.add_RobotServiceServicer_to_server(peer, server)
    controller_pb2_grpc.add_EpisodeServiceServicer_to_server(peer, server)
    trainer_pb2_grpc.add_ModelServiceServicer_to_server(peer, server)
    operations_pb2_grpc.add_OperationsServicer_to_server(peer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()
