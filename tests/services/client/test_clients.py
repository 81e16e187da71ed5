"""Clients on a wire: values arrive, refusals keep their reason, absence is said."""

import select
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from protos import controller_pb2, trainer_pb2
from services.client import ControllerClient, TrainerClient, as_plain
from services.client.plain import enum_word
from services.errors import ServiceError, refusal


def test_status_arrives_with_a_deadline_on_the_call(target: str, peer):
    with ControllerClient(target) as client:
        assert client.status().robot == "dclaw0"


def test_a_refusal_keeps_code_reason_and_message(target: str, peer):
    peer.refuse["GetStatus"] = refusal("LIFECYCLE", "robot is FAULT, must be INACTIVE")
    with ControllerClient(target) as client, pytest.raises(ServiceError) as caught:
        client.status()
    assert caught.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert caught.value.reason == "LIFECYCLE"
    assert caught.value.message == "robot is FAULT, must be INACTIVE"


def test_nobody_there_is_unreachable_and_named():
    with (
        ControllerClient("127.0.0.1:1") as client,
        pytest.raises(ServiceError, match=r"UNREACHABLE: no answer from 127\.0\.0\.1:1"),
    ):
        client.status()
    with TrainerClient("unix:/nowhere/x.sock") as trainer:
        assert not trainer.is_serving()


def test_a_daemon_that_is_slow_to_greet_is_waited_for(target: str):
    host, _, port = target.rpartition(":")
    with socket.create_server(("127.0.0.1", 0)) as door:
        slow = threading.Thread(target=_pass_on_late, args=(door, (host, int(port)), 1.0))
        slow.start()
        with ControllerClient(f"127.0.0.1:{door.getsockname()[1]}") as client:
            assert client.status().robot == "dclaw0"
        slow.join()


def _pass_on_late(door: socket.socket, address: tuple[str, int], late_s: float) -> None:
    """Let one connection through, after a while, until either end closes it."""
    near, _ = door.accept()
    time.sleep(late_s)
    with near, socket.create_connection(address) as far:
        ends = {near: far, far: near}
        while True:
            for end in select.select(list(ends), [], [])[0]:
                data = end.recv(65536)
                if not data:
                    return
                ends[end].sendall(data)


def test_a_stream_ends_and_is_cancelled_when_left(target: str):
    with ControllerClient(target) as client:
        assert [s.monotonic_ns for s in client.watch_status(0.02)] == [0, 1, 2]
        stream = client.watch_status(0.02)
        assert next(stream).monotonic_ns == 0
        stream.close()  # type: ignore[attr-defined]  # a generator


def test_pages_are_followed_up_to_the_limit(target: str, peer):
    with ControllerClient(target) as client:
        assert [r.index for r in client.episodes(limit=300)] == list(range(300))
        asked = [(r.page_size, r.page_token) for r in peer.seen(controller_pb2.ListEpisodesRequest)]
        assert asked == [(200, ""), (100, "200")]
        assert [r.index for r in client.episodes(limit=10_000)] == list(range(450))
        assert client.episodes(limit=0) == []


def test_pages_of_versions_are_followed_up_to_the_limit(target: str, peer):
    with TrainerClient(target) as client:
        assert [v.version for v in client.versions(limit=201)] == list(range(1, 202))
        asked = [(r.page_size, r.page_token) for r in peer.seen(trainer_pb2.ListVersionsRequest)]
        assert asked == [(200, ""), (1, "200")]
        assert [v.version for v in client.versions(limit=10_000)] == list(range(1, 251))


def test_plain_values_are_json_ready(target: str):
    with TrainerClient(target) as trainer:
        plain = as_plain(trainer.status())
    assert plain["metrics"] == {"model_error_one_step": 0.25}
    assert plain["rows_stored"] == 0
    status = controller_pb2.GetStatusResponse(lifecycle=6, boot_id="b")
    status.state.joint_position_rad.extend([0.5, -0.5])
    status.wall_time.FromSeconds(1_000_000_000)
    plain = as_plain(status)
    assert plain["lifecycle"] == enum_word(status, "lifecycle") == "E_STOPPED"
    assert plain["state"]["joint_position_rad"] == [0.5, -0.5]
    assert plain["fault"] is None
    assert plain["wall_time"] == "2001-09-09T01:46:40Z"


@pytest.mark.parametrize("purpose", ["trian", "TRAIN", "", None, 1, ["train"]])
def test_a_misspelt_purpose_is_named_with_what_would_be_right(target: str, peer, purpose):
    with (
        ControllerClient(target) as client,
        client.lease("test") as lease,
        pytest.raises(
            ServiceError, match=r"purpose is .* expected 'train' or 'evaluate'"
        ) as caught,
    ):
        client.run_episodes(lease, 1, purpose, True, 0)
    assert caught.value.reason == "FIELD_INVALID"
    if purpose == "trian":
        assert "did you mean 'train'?" in caught.value.message


@pytest.mark.parametrize("follow", ["lastest", "pinned", None])
def test_a_misspelt_word_to_follow_is_named_with_what_would_be_right(target: str, follow):
    with (
        ControllerClient(target) as client,
        pytest.raises(ServiceError, match=r"follow is .* 'latest' or 'promoted'") as caught,
    ):
        client.load_policy(follow=follow)
    assert caught.value.reason == "FIELD_INVALID"


def test_a_server_that_is_none_of_ours_is_named():
    server = grpc.server(ThreadPoolExecutor(1))
    other = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    with (
        ControllerClient(other) as client,
        pytest.raises(ServiceError, match=f"{other} is no daemon") as caught,
    ):
        client.status()
    assert caught.value.code is grpc.StatusCode.UNIMPLEMENTED
    server.stop(0).wait()
