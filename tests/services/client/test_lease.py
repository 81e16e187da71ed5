"""The lease is renewed while the block runs, given back after it, and its loss is told."""

import grpc
import pytest

from protos import controller_pb2
from services.client import ControllerClient
from services.errors import ServiceError, refusal

RETAIN, RETURN = controller_pb2.RetainLeaseRequest, controller_pb2.ReturnLeaseRequest


def test_heartbeats_until_the_block_ends(target: str, peer):
    with ControllerClient(target) as client, client.lease("test", window_s=0.2) as lease:
        assert peer.wait_for(lambda: len(peer.seen(RETAIN)) >= 3)
        lease.check()
        assert not peer.seen(RETURN)
    assert [r.token for r in peer.seen(RETURN)] == ["t"]


def test_a_lost_lease_is_raised_by_check_and_not_returned(target: str, peer):
    peer.refuse["RetainLease"] = refusal("LEASE_LOST", "taken by operator")
    with ControllerClient(target) as client, client.lease("test", window_s=0.2) as lease:
        lease._thread.join(10.0)
        with pytest.raises(ServiceError, match="LEASE_LOST: taken by operator"):
            lease.check()
    assert len(peer.seen(RETAIN)) == 1
    assert not peer.seen(RETURN)


def test_a_passing_failure_is_borne_for_one_window_only(target: str, peer):
    peer.refuse["RetainLease"] = ServiceError(grpc.StatusCode.UNAVAILABLE, "DRAINING", "going")
    with ControllerClient(target) as client, client.lease("test", window_s=0.4) as lease:
        lease._thread.join(10.0)
        assert len(peer.seen(RETAIN)) >= 3
        with pytest.raises(ServiceError, match="DRAINING"):
            lease.check()


def test_a_refused_lease_does_not_run_the_block(target: str, peer):
    peer.refuse["AcquireLease"] = refusal("LEASE_HELD", "held by mbctl up")
    with (
        ControllerClient(target) as client,
        pytest.raises(ServiceError, match="LEASE_HELD: held by mbctl up"),
        client.lease("test"),
    ):
        pytest.fail("the block ran without a lease")
