"""Controller and trainer: any order of starting, any number of interruptions, no row lost."""

import importlib.util
import shutil
from pathlib import Path

import grpc
import numpy as np
import pytest

from mbctl.data.chunk_store import ChunkStore
from protos import controller_pb2, controller_pb2_grpc
from services.errors import ServiceError, reason_of

_SPEC = importlib.util.spec_from_file_location(
    "trainer_double", Path(__file__).parent / "trainer_double.py"
)
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
TrainerDouble = _MODULE.TrainerDouble


EPISODES = "mbctl.v1.EpisodeService"


@pytest.fixture
def trainer(tmp_path, free_port):
    double = TrainerDouble(tmp_path / "trainer.db", free_port())
    yield double
    double.stop()


def _run(client, lease, first_index: int, count: int) -> None:
    client.run_episodes(lease, count, "train", True, first_index).wait()


def _all_acknowledged(client) -> bool:
    spool = client.status().spool
    return spool.trainer_connected and spool.rows_acknowledged == spool.rows_written


def test_rows_arrive_once_and_in_order_whatever_is_interrupted(
    start_controller, tmp_path, trainer, publish, policy, wait_for
):
    publish(tmp_path / "run", policy(1))
    controller = start_controller(trainer=trainer.address)
    with controller.client() as client, client.lease("tester", window_s=10.0) as lease:
        wait_for(lambda: client.status().policy.version == 1)
        client.activate(lease)
        _run(client, lease, 0, 10)  # nobody listens yet
        assert "UNREACHABLE" in wait_for(lambda: client.status().spool.trainer_error)
        trainer.start()
        wait_for(lambda: _all_acknowledged(client), 60.0)
        for first_index in range(10, 40, 10):
            operation = client.run_episodes(lease, 10, "train", True, first_index)
            trainer.stop()
            trainer.start()
            operation.wait()
        wait_for(lambda: _all_acknowledged(client), 60.0)
        spool = client.status().spool
    assert (spool.rows_written, spool.rows, spool.trainer_error) == (1600, 0, "")
    rows = trainer.rows()
    assert len(rows) == 1600
    assert len(set(rows)) == 1600
    with ChunkStore(trainer.path, read_only=True) as store:
        episodes = [e.index for _, e in store.episodes()]
    assert episodes == list(range(39, -1, -1))


def test_a_directory_put_back_from_a_backup_loses_no_row(
    start_controller, tmp_path, trainer, publish, policy, wait_for
):
    """Nobody listens when the older spool takes numbers that the trainer has other rows under."""

    def run(count: int, address: str) -> str:
        controller = start_controller(tmp_path / "run", trainer=address)
        with controller.client() as client:
            wait_for(lambda: client.status().policy.version == 1)
            with client.lease("tester", window_s=10.0) as lease:
                client.activate(lease)
                client.run_episodes(lease, count, "train", True).wait()
            if address:
                wait_for(lambda: _all_acknowledged(client), 60.0)
            continuity = client.status().spool.continuity
        controller.stop()
        return continuity

    publish(tmp_path / "run", policy(1))
    trainer.start()
    assert run(4, trainer.address) == ""
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    assert run(3, trainer.address) == ""
    shutil.rmtree(tmp_path / "run")
    shutil.copytree(tmp_path / "copy", tmp_path / "run")
    run(5, "")
    assert "SPOOL_DIVERGED" in run(2, trainer.address)
    assert len(trainer.rows()) == 40 * (4 + 3 + 5 + 2)
    with ChunkStore(trainer.path, read_only=True) as store:
        episodes = [e.episode_id for _, e in store.episodes()][::-1]
        chunks = [chunk for _, chunk in store.chunks_after(0)]
    spool_ids = {chunk.spool_id for chunk in chunks}
    assert len({chunk.digest for chunk in chunks}) == len(chunks)
    assert len(episodes) == len(set(episodes)) == 14
    assert [e for e in episodes if len(e) == 9] == [
        *(f"t{i:08d}" for i in range(9)),
        "t00000009",
        "t00000010",
    ]
    logs = "".join(path.read_text() for path in tmp_path.rglob("*.log"))
    assert "spool_continued" in logs
    assert len(spool_ids) == 2
    assert not any(spool_id in logs for spool_id in spool_ids)


def test_a_new_directory_goes_on_behind_the_trainers_episodes(
    start_controller, tmp_path, trainer, publish, policy, wait_for
):
    trainer.start()
    for name, first in (("one", 0), ("two", 3)):
        publish(tmp_path / name, policy(1))
        controller = start_controller(tmp_path / name, trainer=trainer.address)
        with controller.client() as client, client.lease("tester", window_s=10.0) as lease:
            wait_for(lambda: client.status().policy.version == 1)
            wait_for(lambda: client.status().spool.trainer_connected)
            client.activate(lease)
            batch = client.run_episodes(lease, 3, "train", True)
            assert [e.index for e in batch.wait().episodes] == [first + i for i in range(3)]
            wait_for(lambda: _all_acknowledged(client), 60.0)
        controller.stop()


def test_a_request_is_not_carried_out_again_after_a_restart(
    start_controller, tmp_path, publish, policy, wait_for
):
    publish(tmp_path / "run", policy(1))
    for life in range(2):
        controller = start_controller()
        with controller.client() as client, client.lease("tester", window_s=10.0) as lease:
            wait_for(lambda: client.status().policy.version == 1)
            client.activate(lease)
            request = controller_pb2.RunEpisodesRequest(
                lease_token=lease.token, request_id="the same", count=2
            )
            call = controller_pb2_grpc.EpisodeServiceStub(client.caller.channel).RunEpisodes
            if life == 0:
                call(request, timeout=5)
                wait_for(lambda: client.status().spool.next_train_index == 2)
                wait_for(lambda: not client.status().episode.operation)
                assert call(request, timeout=5).name  # in this life, the operation itself
            else:
                with pytest.raises(grpc.RpcError) as refused:
                    call(request, timeout=5)
                _, reason, message = reason_of(refused.value)
                assert reason == "EPISODE_REPEATED"
                assert "'the same' has been carried out, from train episode 0 on" in message
                request.request_id = "another"
                call(request, timeout=5)
                wait_for(lambda: client.status().spool.next_train_index == 4)
        controller.stop()


def test_a_full_spool_refuses_episodes_until_the_trainer_takes_rows(
    start_controller, tmp_path, trainer, publish, policy, wait_for
):
    publish(tmp_path / "run", policy(1))
    controller = start_controller(trainer=trainer.address, spool_quota_mb=1)
    with controller.client() as client, client.lease("tester", window_s=10.0) as lease:
        wait_for(lambda: client.status().policy.version == 1)
        client.activate(lease)
        with pytest.raises(ServiceError) as ended:
            _run(client, lease, 0, 1000)
        with pytest.raises(ServiceError) as refused:
            _run(client, lease, 2000, 1)
        full = client.status().spool
        assert "quota" in full.error
        wait_for(lambda: not client.caller.is_serving(EPISODES))
        assert client.is_serving()  # the robot obeys all the same
        trainer.start()
        wait_for(lambda: not client.status().spool.error and _all_acknowledged(client), 60.0)
        wait_for(lambda: client.caller.is_serving(EPISODES))
        _run(client, lease, 2000, 1)
        wait_for(lambda: _all_acknowledged(client), 60.0)
        written = client.status().spool.rows_written
    assert ended.value.reason == refused.value.reason == "SPOOL_FULL"
    assert refused.value.code.name == "RESOURCE_EXHAUSTED"
    assert len(trainer.rows()) == written > full.rows_written


def test_another_robot_of_that_name_is_told(
    start_controller, tmp_path, trainer, publish, policy, wait_for
):
    trainer.start()
    first = start_controller(tmp_path / "first", trainer=trainer.address)
    second = start_controller(tmp_path / "second", trainer=trainer.address)
    with first.client() as one, second.client() as two:
        clients = [one, two]
        wait_for(lambda: any(c.status().spool.trainer_connected for c in clients))
        wait_for(lambda: any("ROBOT_IN_USE" in c.status().spool.trainer_error for c in clients))


def test_versions_come_from_the_trainer_are_checked_and_cached(
    start_controller, tmp_path, trainer, policy, wait_for
):
    controller = start_controller(trainer=trainer.address)
    with controller.client() as client:
        trainer.versions.publish(policy(1))
        trainer.start()
        wait_for(lambda: client.status().policy.version == 1)
        trainer.versions.publish(policy(2))
        wait_for(lambda: client.status().policy.version == 2)

        weights = policy(3).weights
        weights["layers.1.bias"][0] = np.nan
        trainer.versions.publish(_with_weights(policy, 3, weights))
        wait_for(lambda: "WEIGHTS_NOT_FINITE" in client.status().policy.last_refusal)
        trainer.versions.publish(policy(4), weights=b"\x08" + b"\0" * 40)
        wait_for(lambda: "WEIGHTS_HASH_MISMATCH" in client.status().policy.last_refusal)
        status = client.status().policy
        assert (status.version, status.newest_version, status.follow) == (2, 4, "latest")

        trainer.versions.promote(1)
        assert client.load_policy(follow="promoted").version in (1, 2)
        wait_for(lambda: client.status().policy.version == 1)
        assert client.load_policy(version=2).version == 2
        with pytest.raises(ServiceError, match="UNKNOWN_VERSION"):
            client.load_policy(version=9)
        client.load_policy(follow="latest")
    controller.stop()
    trainer.stop()
    again = start_controller(trainer=trainer.address)
    with again.client() as client:
        wait_for(lambda: client.status().policy.version == 2)


def _with_weights(policy, version, weights):
    from mbctl.policies.snapshot import build_snapshot
    from mbctl.tasks.registry import make_task

    task = make_task("dclaw-turn-random")
    return build_snapshot(task, weights, version=version, algorithm="pal")
