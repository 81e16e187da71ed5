"""One seed through the daemon in lockstep and through an environment: the same bytes of rows."""

import contextlib
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from mbctl.episodes.collect import RunningEpisode
from mbctl.episodes.seeding import EpisodeSeed
from mbctl.planners.agent import actor_of
from mbctl.policies.snapshot import Snapshot
from sim.environments import make_environment

SEED = 11
EPISODES = (EpisodeSeed(SEED, "train", 3), EpisodeSeed(SEED, "train", 4))
EVALUATION = EpisodeSeed(SEED, "evaluate", 0)


def stored(database: Path) -> dict[str, bytes]:
    """The rows of each episode in a spool, in their order."""
    query = "SELECT episode_id, rows FROM chunks ORDER BY chunk_id"
    found: dict[str, bytes] = {}
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as spool:
        for name, rows in spool.execute(query):
            found[name] = found.get(name, b"") + rows
    return found


def in_this_process(task, snapshot: Snapshot) -> dict[str, bytes]:
    environment, actor = make_environment(task), actor_of(snapshot, task)
    found = {}
    for seed in (*EPISODES, EVALUATION):
        actor.begin(seed.plan_seed())
        episode = RunningEpisode(environment, seed, explore=seed.purpose == "train")
        rows = []
        while not episode.is_over:
            rows.append(episode.act(actor).tobytes())
        found[seed.episode_id] = b"".join(rows)
    environment.close()
    return found


@pytest.mark.parametrize("kind", ["policy", "planner"])
def test_rows_are_the_same_in_the_daemon_and_in_process(
    kind, start_controller, tmp_path, publish, policy, planned, wait_for, task
):
    snapshot = policy(1) if kind == "policy" else planned(1)
    planned_steps = 3 * (task.episode_steps - 1) if kind == "planner" else 0
    publish(tmp_path / "run", snapshot)
    controller = start_controller(tmp_path / "run", seed=SEED)
    with controller.client() as client:
        wait_for(lambda: client.status().policy.version == 1)
        with client.lease("tester", window_s=10.0) as lease:
            client.activate(lease)
            client.run_episodes(lease, 2, "train", True, EPISODES[0].index).wait()
            client.run_episodes(lease, 1, "evaluate", False, EVALUATION.index).wait()
        # The last step's count is published a cycle after the episode has ended.
        wait_for(lambda: client.status().planner.steps >= planned_steps)
        planner = client.status().planner
    controller.stop()
    (database,) = (tmp_path / "run").rglob("spool.db")
    expected = in_this_process(task, snapshot)
    found = stored(database)
    assert {name: len(rows) for name, rows in found.items()} == {
        name: len(rows) for name, rows in expected.items()
    }
    for name, rows in expected.items():
        np.testing.assert_array_equal(
            np.frombuffer(found[name], np.float32), np.frombuffer(rows, np.float32), name
        )
        assert found[name] == rows
    assert (planner.steps, planner.fallback_steps) == (planned_steps, 0)
