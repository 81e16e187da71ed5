"""Policies without a trainer: found in the run directory, checked, chosen, rolled back."""

import grpc
import numpy as np
import pytest

from mbctl.policies.snapshot import build_snapshot
from mbctl.tasks.registry import make_task
from services.controller.policy_choice import PolicyChoice, read_choice, write_choice
from services.errors import ServiceError


def _refusal(call, *arguments, **keywords) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        call(*arguments, **keywords)
    return caught.value


def _loaded(client) -> int:
    return client.status().policy.version


def _nan(snapshot):
    weights = {name: array.copy() for name, array in snapshot.weights.items()}
    weights["layers.0.weight"][0, 0] = np.nan
    return _rebuilt(snapshot, weights)


def _overflowing(snapshot):
    weights = {name: array.copy() for name, array in snapshot.weights.items()}
    weights["log_std"][:] = 200.0
    return _rebuilt(snapshot, weights)


def _rebuilt(snapshot, weights, task="dclaw-turn-random", period_s=None):
    version = snapshot.manifest.version
    return build_snapshot(
        make_task(task), weights, version=version, algorithm="pal", period_s=period_s
    )


def _other_task(snapshot):
    return _rebuilt(snapshot, snapshot.weights, task="dclaw-turn-fixed")


def _other_period(snapshot):
    return _rebuilt(snapshot, snapshot.weights, period_s=0.025)


@pytest.fixture
def started(start_controller, tmp_path, publish, policy, wait_for):
    """A controller that runs version 1, its client, and its run directory."""
    publish(tmp_path / "run", policy(1))
    controller = start_controller(tmp_path / "run")
    with controller.client() as client:
        wait_for(lambda: _loaded(client) == 1)
        yield client, tmp_path / "run"


_SPOILT = {
    2: (_nan, "WEIGHTS_NOT_FINITE"),
    3: (_overflowing, "DRY_RUN_FAILED"),
    4: (_other_task, "WRONG_TASK"),
    5: (_other_period, "PERIOD_MISMATCH"),
}


def test_snapshots_that_may_not_run_are_reported_and_change_nothing(
    started, publish, policy, wait_for
):
    client, run_dir = started
    for version, (spoil, reason) in _SPOILT.items():
        publish(run_dir, spoil(policy(version)))
        wait_for(lambda r=reason: r in client.status().policy.last_refusal)
        error = _refusal(client.load_policy, version)
        assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, reason)
        assert _loaded(client) == 1
    listed = {p.version: (p.loaded, p.usable, bool(p.refusal)) for p in client.policies()}
    assert listed == {1: (True, True, False), **dict.fromkeys(_SPOILT, (False, False, True))}


def test_following_pinning_and_rolling_back(started, publish, policy, wait_for):
    client, run_dir = started
    publish(run_dir, policy(2))
    wait_for(lambda: _loaded(client) == 2)
    publish(run_dir, policy(3))
    wait_for(lambda: _loaded(client) == 3)
    back = client.roll_back_policy()
    assert (back.version, back.previous_version) == (2, 3)
    wait_for(lambda: _loaded(client) == 2)
    assert (client.status().policy.follow, client.status().policy.newest_version) == ("pinned", 3)
    assert client.roll_back_policy().version == 1
    assert _refusal(client.roll_back_policy).reason == "NO_PREVIOUS_POLICY"
    assert client.load_policy(version=2, at_step=True).previous_version == 1
    assert client.load_policy(follow="latest").version == 3
    assert client.status().policy.follow == "latest"


def test_a_rollback_outlives_a_restart(start_controller, tmp_path, publish, policy, wait_for):
    run_dir = tmp_path / "run"
    publish(run_dir, policy(1))
    first = start_controller(run_dir)
    with first.client() as client:
        wait_for(lambda: _loaded(client) == 1)
        publish(run_dir, policy(2))
        wait_for(lambda: _loaded(client) == 2)
        client.roll_back_policy()
    first.stop()
    with start_controller(run_dir).client() as client:
        wait_for(lambda: _loaded(client) == 1)
        assert client.status().policy.follow == "pinned"


def test_a_policy_that_is_too_old_is_not_run(started):
    client, _ = started
    with client.lease("tester") as lease:
        client.activate(lease)
        error = _refusal(client.run_episodes, lease, 1, "train", True, 0, 2)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "POLICY_TOO_OLD")
    assert "version 1" in error.message


def test_without_any_policy_no_episode_runs(start_controller, tmp_path):
    with start_controller().client() as client, client.lease("tester") as lease:
        client.activate(lease)
        error = _refusal(client.run_episodes, lease, 1, "train", True, 0)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_POLICY")
    assert 'trainer = ""' in error.message
    assert str(tmp_path / "run" / "policies") in error.message
    assert "copy" in error.message


def test_a_version_that_was_copied_there_is_the_remedy(
    start_controller, tmp_path, publish, policy, wait_for
):
    with start_controller().client() as client, client.lease("tester", window_s=5.0) as lease:
        client.activate(lease)
        publish(tmp_path / "run", policy(3))
        wait_for(lambda: client.status().policy.version == 3)
        assert client.run_episodes(lease, 1, "train", True, 0).wait().rows > 0


def test_a_trainer_that_does_not_answer_is_named_as_the_reason(start_controller, free_port):
    trainer = f"127.0.0.1:{free_port()}"
    with start_controller(trainer=trainer).client() as client, client.lease("tester") as lease:
        client.activate(lease)
        error = _refusal(client.run_episodes, lease, 1, "train", True, 0)
    assert error.reason == "NO_POLICY"
    assert "mbctl trainer" in error.message


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"version": 77}, "UNKNOWN_VERSION"),
        ({"version": -1}, "FIELD_INVALID"),
        ({"version": 10**7}, "FIELD_INVALID"),
        ({"version": 1, "follow": "latest"}, "FIELD_INVALID"),
        ({"follow": "../../etc"}, "FIELD_INVALID"),
        ({}, "FIELD_INVALID"),
    ],
)
def test_a_wrong_choice_is_refused(client, fields, reason):
    assert _refusal(client.load_policy, **fields).reason == reason
    assert _loaded(client) == 1


def test_a_choice_survives_on_disk_and_damage_is_named(tmp_path):
    path = tmp_path / "policy.json"
    assert read_choice(path) == PolicyChoice()
    choice = PolicyChoice().loaded(3).loaded(5).pinned(5)
    write_choice(path, choice)
    assert read_choice(path) == choice
    assert choice.rolled_back() == PolicyChoice(follow="pinned", version=3, history=(3,))
    path.write_text('{"follow": "nobody"}')
    with pytest.raises(ValueError, match=r"policy\.json is damaged"):
        read_choice(path)
