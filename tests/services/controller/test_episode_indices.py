"""The controller numbers episodes: clients that race get different ones, also after a restart."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.client import ControllerClient, HeldLease
from services.errors import ServiceError

BATCHES = 3  # of each client
EACH = 1  # episodes in a batch


def _race(client: ControllerClient, lease: HeldLease, start: threading.Barrier) -> list[int]:
    """Run batches as fast as they are taken; the indices that were given."""
    indices: list[int] = []
    start.wait()
    while len(indices) < BATCHES * EACH:
        try:
            operation = client.run_episodes(lease, EACH, "train", explore=True)
        except ServiceError as error:
            if error.reason != "EPISODES_RUNNING":
                raise
            time.sleep(0.002)
            continue
        episodes = operation.wait().episodes
        assert operation.metadata.first_index == episodes[0].index
        indices += [episode.index for episode in episodes]
    return indices


def test_two_clients_at_once_get_each_index_once_also_after_a_restart(
    start_controller, tmp_path, publish, policy, wait_for
):
    publish(tmp_path / "run", policy(1))
    both = 2 * BATCHES * EACH
    for life in range(2):
        controller = start_controller()
        with (
            controller.client() as anna,
            controller.client() as ben,
            anna.lease("both", window_s=10.0) as lease,
            ThreadPoolExecutor(2) as pool,
        ):
            wait_for(lambda client=anna: client.status().policy.version == 1)
            anna.activate(lease)
            start = threading.Barrier(2)
            racers = [pool.submit(_race, client, lease, start) for client in (anna, ben)]
            first, second = (racer.result(timeout=60) for racer in racers)
            assert sorted(first + second) == list(range(life * both, (life + 1) * both))
            assert anna.status().spool.next_train_index == (life + 1) * both
            assert [e.index for e in anna.episodes(3)] == [(life + 1) * both - i for i in (1, 2, 3)]
        controller.stop()


def test_a_client_that_takes_the_lease_goes_on_behind_the_episode_that_was_under_way(
    start_controller, tmp_path, publish, policy, wait_for
):
    publish(tmp_path / "run", policy(1))
    controller = start_controller()
    is_lost = pytest.raises(ServiceError, match="LEASE_LOST")  # what giving it back says
    with controller.client() as anna, controller.client() as ben:
        wait_for(lambda: anna.status().policy.version == 1)
        with is_lost, anna.lease("anna", window_s=10.0) as lost:
            anna.activate(lost)
            operation = anna.run_episodes(lost, 10_000, "train", explore=True)
            wait_for(lambda: operation.poll(0.05) or operation.metadata.finished > 1)
            with ben.lease("ben", take=True) as lease:
                with pytest.raises(ServiceError, match="LEASE_LOST"):
                    operation.wait()
                wait_for(lambda: not ben.status().episode.operation)
                given = ben.run_episodes(lease, 1, "train", explore=True).wait().episodes[0].index
        ran = [episode.index for episode in ben.episodes(1000)]
        assert given == ran[0] == max(ran)
        assert len(set(ran)) == len(ran)


def test_episodes_of_one_purpose_are_listed_alone(
    start_controller, tmp_path, publish, policy, wait_for
):
    publish(tmp_path / "run", policy(1))
    controller = start_controller()
    with controller.client() as client, client.lease("tester", window_s=10.0) as lease:
        wait_for(lambda: client.status().policy.version == 1)
        client.activate(lease)
        for purpose, count in (("train", 3), ("evaluate", 2), ("train", 1)):
            client.run_episodes(lease, count, purpose, explore=False).wait()
        for purpose, letter, count in (("train", "t", 4), ("evaluate", "e", 2)):
            found = [e.episode_id.rpartition("/")[2] for e in client.episodes(100, purpose)]
            assert found == [f"{letter}{i:08d}" for i in reversed(range(count))]
        assert [e.index for e in client.episodes(2, "train")] == [3, 2]
        assert len(client.episodes(100)) == 6
        with pytest.raises(ServiceError, match="expected 'train' or 'evaluate'"):
            client.episodes(1, "trian")  # pyright: ignore[reportArgumentType]
