"""The controller's gRPC surface: a real daemon, real clients, the simulated claw in lockstep."""

import contextlib
import itertools
import time

import grpc
import pytest

from hal.lifecycle import Lifecycle
from mbctl.data.chunk_store import ChunkStore
from mbctl.policies.manifest import row_layout
from mbctl.tasks.registry import make_task
from protos import common_pb2, controller_pb2, controller_pb2_grpc
from services.channel import open_channel
from services.errors import ServiceError, reason_of
from services.interceptors import marked_methods

LAYOUT = row_layout(make_task("dclaw-turn-random"))
_INDICES = itertools.count(0, 1000)


@pytest.fixture
def first_index() -> int:
    """Where a sequence of episodes that no other test ran begins."""
    return next(_INDICES)


@pytest.fixture
def stub(client):
    """Unchecked access to the episode service."""
    return controller_pb2_grpc.EpisodeServiceStub(client.caller.channel)


@contextlib.contextmanager
def _commanding(client, owner: str = "tester", window_s: float = 5.0):
    with client.lease(owner, window_s=window_s) as lease:
        client.activate(lease)
        yield lease


def _refusal(call, *arguments, **keywords) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        call(*arguments, **keywords)
    return caught.value


def test_status_says_what_and_how_it_is(client):
    status = client.status()
    assert (status.robot, status.model, status.backend) == ("dclaw0", "dclaw", "mujoco")
    assert (status.task, status.clock) == ("dclaw-turn-random", "lockstep")
    assert status.lifecycle == Lifecycle.INACTIVE
    assert (status.layout.hash, status.layout.width) == (LAYOUT.hash, LAYOUT.width)
    assert len(status.state.joint_position_rad) == len(status.state.joint_names) == 9
    assert len(status.state.object_position_rad) == 1
    assert not status.HasField("lease")
    assert not status.HasField("fault")
    assert len(status.boot_id) == 32


def test_watching_the_status_keeps_its_period(client):
    started = time.monotonic()
    stamps = [s.monotonic_ns for s in itertools.islice(client.watch_status(0.05), 5)]
    assert stamps == sorted(stamps)
    assert 0.19 < time.monotonic() - started < 2.0


def test_every_leased_method_is_refused_without_a_lease(client):
    for method in marked_methods(controller_pb2.lease_required):
        call = client.caller.channel.unary_unary(
            method,
            request_serializer=controller_pb2.ActivateRequest.SerializeToString,
            response_deserializer=controller_pb2.ActivateResponse.FromString,
        )
        with pytest.raises(grpc.RpcError) as caught:
            call(controller_pb2.ActivateRequest(), timeout=5)
        assert reason_of(caught.value)[:2] == (grpc.StatusCode.PERMISSION_DENIED, "LEASE_REQUIRED")


def test_episodes_need_an_active_robot(client, first_index):
    with client.lease("tester") as lease:
        error = _refusal(client.run_episodes, lease, 1, "train", True, first_index)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "WRONG_LIFECYCLE")
    assert "activate" in error.message


def test_a_batch_leaves_durable_rows_and_records(client, controller, first_index):
    before = client.status().spool.rows_written
    with _commanding(client) as lease:
        operation = client.run_episodes(lease, 3, "train", True, first_index)
        response = operation.wait()
        spool = client.status().spool
    assert response.rows == spool.rows_written - before == 120
    assert [e.index for e in response.episodes] == [first_index + i for i in range(3)]
    assert operation.metadata.finished == 3
    rows, records = _stored(controller, {f"t{first_index + i:08d}" for i in range(3)})
    assert rows == 120
    assert [(e.steps, e.end_reason) for e in records] == [(40, "TRUNCATED")] * 3
    listed = [e.episode_id for e in client.episodes()]
    assert [e.episode_id for e in response.episodes] == listed[2::-1]


def _stored(controller, episode_ids):
    with ChunkStore(controller.run_dir / "spool.db", read_only=True) as store:
        spool_id = store.chunks_after(0, 1, train_only=False)[0][1].spool_id
        chunks = store.chunks_from(spool_id, 0, 10_000)
    expected = 1
    for chunk in chunks:
        assert chunk.first_sequence == expected
        chunk.check(LAYOUT)
        expected = chunk.next_sequence
    mine = [chunk for chunk in chunks if chunk.episode_id in episode_ids]
    return sum(c.row_count for c in mine), [c.episode for c in mine if c.episode]


def test_a_repeated_request_starts_nothing_new(client, stub, first_index):
    with _commanding(client) as lease:
        request = controller_pb2.RunEpisodesRequest(
            lease_token=lease.token, request_id="the-same", count=2, first_index=first_index
        )
        names = {stub.RunEpisodes(request, timeout=5).name for _ in range(3)}
        request.count = 3
        with pytest.raises(grpc.RpcError) as caught:
            stub.RunEpisodes(request, timeout=5)
        assert reason_of(caught.value)[1] == "REQUEST_ID_REUSED"
    assert len(names) == 1


def test_the_controller_numbers_episodes_and_repeats_none(client, stub):
    def run(purpose: str, count: int, **asked: int) -> list[int]:
        operation = client.run_episodes(lease, count, purpose, True, **asked)
        response = operation.wait()
        assert operation.metadata.first_index == response.episodes[0].index
        return [episode.index for episode in response.episodes]

    with _commanding(client) as lease:
        first = client.status().spool.next_train_index
        other = client.status().spool.next_evaluate_index
        assert run("train", 2) == [first, first + 1]
        assert run("train", 1) == [first + 2]
        assert run("evaluate", 2) == [other, other + 1]
        for repeated in (first, first + 2):
            refused = _refusal(client.run_episodes, lease, 1, "train", True, repeated)
            assert refused.reason == "EPISODE_REPEATED"
            assert f"use {first + 3} or more" in refused.message
        assert run("train", 1, first_index=first + 5) == [first + 5]
        assert run("train", 1) == [first + 6]
        request = controller_pb2.RunEpisodesRequest(
            lease_token=lease.token, request_id="once", count=1, first_index=first + 7
        )
        operations = [stub.RunEpisodes(request, timeout=5) for _ in range(2)]
        assert operations[0].name == operations[1].name
        assert client.status().spool.next_evaluate_index == other + 2


def test_one_batch_at_a_time_and_cancel_ends_it(client, first_index):
    with _commanding(client) as lease:
        operation = client.run_episodes(lease, 10_000, "evaluate", False, first_index)
        busy = _refusal(client.run_episodes, lease, 1, "train", True, first_index)
        operation.cancel()
        error = _refusal(operation.wait)
        assert client.status().lifecycle == Lifecycle.ACTIVE
    assert busy.reason == "EPISODES_RUNNING"
    assert error.code is grpc.StatusCode.CANCELLED
    assert 0 < operation.metadata.finished < 10_000


def test_events_resume_by_number(client, first_index):
    watch = client.watch_episodes()
    with _commanding(client) as lease:
        client.run_episodes(lease, 2, "train", True, first_index).wait()
    wanted = f"robots/dclaw0/episodes/t{first_index + 1:08d}"
    events = []
    for event in watch:
        events.append(event)
        if event.finished.episode_id == wanted:
            break
    watch.close()
    again = list(itertools.islice(client.watch_episodes(events[-4].event), 3))
    assert [e.event for e in again] == [e.event for e in events[-3:]]
    assert [e.WhichOneof("kind") for e in events[-4:]] == ["started", "finished"] * 2


def test_an_emergency_stop_needs_no_lease_and_stays(client, first_index):
    with _commanding(client) as lease:
        operation = client.run_episodes(lease, 10_000, "train", True, first_index)
        stopped = client.emergency_stop("smoke")
        error = _refusal(operation.wait)
        status = client.status()
        refused = _refusal(client.activate, lease)
        cleared = _refusal(client.clear_fault)
        released = client.release_emergency_stop()
        assert client.status().lifecycle == Lifecycle.INACTIVE
    assert (stopped.lifecycle, list(stopped.torque_off_failed)) == (Lifecycle.E_STOPPED, [])
    assert 0.0 < stopped.latency_ms < 1000.0
    assert error.reason == "E_STOPPED"
    assert (status.fault.reason, status.fault.message) == ("EMERGENCY_STOP", "smoke")
    assert refused.code is grpc.StatusCode.FAILED_PRECONDITION
    assert cleared.reason == "E_STOPPED"
    assert released.lifecycle == Lifecycle.INACTIVE
    assert _refusal(client.release_emergency_stop).reason == "NOT_E_STOPPED"


def test_a_second_client_waits_or_takes_over(client, controller, first_index):
    lost = pytest.raises(ServiceError, match="LEASE_LOST")  # what giving it back says
    with controller.client() as other, lost, _commanding(client, "anna") as lease:
        operation = client.run_episodes(lease, 10_000, "train", True, first_index)
        held = _refusal(other.lease("ben").__enter__)
        assert (held.code, held.reason) == (grpc.StatusCode.ALREADY_EXISTS, "LEASE_HELD")
        assert "anna" in held.message
        with other.lease("ben", take=True) as taken:
            error = _refusal(operation.wait)
            assert (error.reason, "ben" in error.message) == ("LEASE_LOST", True)
            assert _refusal(client.deactivate, lease).reason == "LEASE_LOST"
            assert (other.status().lease.owner, other.status().lease.token) == ("ben", "")
            other.run_episodes(taken, 1, "train", True).wait()


def test_a_lease_without_heartbeats_stops_the_robot(client, wait_for, first_index):
    robot = controller_pb2_grpc.RobotServiceStub(client.caller.channel)
    acquire = controller_pb2.AcquireLeaseRequest(owner="silent", window_s=0.3)
    token = robot.AcquireLease(acquire, timeout=5).token
    robot.Activate(controller_pb2.ActivateRequest(lease_token=token), timeout=5)
    episodes = controller_pb2_grpc.EpisodeServiceStub(client.caller.channel)
    run = controller_pb2.RunEpisodesRequest(
        lease_token=token, count=10_000, first_index=first_index
    )
    name = episodes.RunEpisodes(run, timeout=5).name
    wait_for(lambda: client.status().lifecycle == Lifecycle.INACTIVE, 5.0)
    with pytest.raises(grpc.RpcError) as caught:
        robot.RetainLease(controller_pb2.RetainLeaseRequest(token=token), timeout=5)
    assert reason_of(caught.value)[1] == "LEASE_LOST"
    ended = client.caller.operations.GetOperation(_named(name), timeout=5)
    assert ended.done
    assert "LEASE_LOST" in ended.error.message


def _named(name: str):
    from google.longrunning import operations_pb2

    return operations_pb2.GetOperationRequest(name=name)


@pytest.mark.parametrize(
    "fields",
    [
        {"count": 0},
        {"count": -1},
        {"count": 100_001},
        {"count": 1, "first_index": -1},
        {"count": 1, "first_index": 2**62},
        {"count": 1, "first_index": 2**30 + 1},
        {"count": 1, "purpose": 77},
        {"count": 1, "minimum_policy_version": -1},
        {"count": 1, "request_id": "x" * 65},
    ],
)
def test_a_bad_field_is_named(client, stub, fields):
    with client.lease("tester") as lease:
        request = controller_pb2.RunEpisodesRequest(lease_token=lease.token, **fields)
        with pytest.raises(grpc.RpcError) as caught:
            stub.RunEpisodes(request, timeout=5)
    code, reason, message = reason_of(caught.value)
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert list(fields)[-1] in message


@pytest.mark.parametrize("body", [b"\xff" * 64, b"\x0a\xff\xff\xff\xff\x0f", b"\x12" * 100_000])
def test_garbage_is_no_request(client, body):
    call = client.caller.channel.unary_unary(
        "/mbctl.v1.EpisodeService/RunEpisodes", request_serializer=None, response_deserializer=None
    )
    with pytest.raises(grpc.RpcError):
        call(body, timeout=5)
    assert client.status().robot == "dclaw0"


def test_an_unknown_operation_is_not_found(client):
    with pytest.raises(grpc.RpcError) as caught:
        client.caller.operations.GetOperation(_named("operations/episodes/99999"), timeout=5)
    assert reason_of(caught.value)[:2] == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_OPERATION")


def test_forty_streams_do_not_keep_a_stop_waiting(client, controller):
    watches = [client.watch_status(0.02) for _ in range(40)]
    for watch in watches:
        next(watch)
    channel = open_channel(client.caller.target)
    safety = controller_pb2_grpc.SafetyServiceStub(channel)
    answer = safety.EmergencyStop(controller_pb2.EmergencyStopRequest(reason="busy"))
    assert answer.lifecycle == common_pb2.LIFECYCLE_E_STOPPED
    for watch in watches:
        watch.close()
    channel.close()
    client.release_emergency_stop()
