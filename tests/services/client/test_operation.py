"""Waiting for an operation: progress, result, failure with its reason, cancel."""

import pytest

from protos import controller_pb2
from services.client import ControllerClient
from services.client.controller import Episodes
from services.errors import ServiceError, refusal


@pytest.fixture
def operation(target: str):
    with ControllerClient(target) as client, client.lease("test") as lease:
        yield client.run_episodes(lease, 3, "train", explore=True, first_index=12)


def test_progress_then_result(operation: Episodes, peer):
    seen: list[int] = []
    response = operation.wait(lambda metadata: seen.append(metadata.finished))
    assert (response.rows, seen) == (120, [0, 1, 2, 3])
    request = peer.seen(controller_pb2.RunEpisodesRequest)[0]
    assert (request.count, request.purpose, request.first_index) == (3, 1, 12)
    assert len(request.request_id) == 32


def test_a_failed_operation_keeps_its_reason(operation: Episodes, peer):
    peer.outcome = refusal("LEASE_LOST", "the lease ran out").status()
    with pytest.raises(ServiceError, match="LEASE_LOST: the lease ran out"):
        operation.wait()


def test_a_cancelled_operation_ends_as_cancelled(operation: Episodes):
    operation.cancel()
    with pytest.raises(ServiceError, match="CANCELLED: cancelled"):
        operation.wait()


def test_a_foreign_response_is_refused(operation: Episodes):
    assert operation.wait().rows == 120
    operation._operation.response.Pack(controller_pb2.ActivateRequest())
    with pytest.raises(ServiceError, match=r"UNEXPECTED_RESPONSE: .*returned .*ActivateRequest"):
        operation.result()


def test_without_a_first_index_the_controller_chooses(target: str, peer):
    with ControllerClient(target) as client, client.lease("test") as lease:
        client.run_episodes(lease, 1, "train", explore=True)
    (request,) = peer.seen(controller_pb2.RunEpisodesRequest)
    assert not request.HasField("first_index")
