"""What an episode's rows say, and that they depend on the seed and index alone."""

import itertools

import numpy as np
import pytest

from hal.limits import target_to_action
from mbctl.policies.manifest import row_layout
from mbctl.policies.snapshot import pack_snapshot


def run(rig, **order):
    if not rig.robot.torque:
        assert rig.call("activate")["ok"]
    rig.events.clear()
    rig.rows.clear()
    rig.robot.writes.clear()
    assert rig.run_episodes(**order)["ok"]
    rig.finish()
    return rig


def matrix(rig) -> np.ndarray:
    return np.stack([np.frombuffer(row.row, np.float32) for row in rig.rows])


def test_a_full_episode(make_rig):
    rig = run(make_rig("lockstep"))
    layout, task = row_layout(rig.task), rig.task
    rows = matrix(rig)
    assert rows.shape == (task.episode_steps, layout.width)
    assert np.isfinite(rows).all()
    np.testing.assert_array_equal(rows[1:, layout.observation], rows[:-1, layout.next_observation])
    np.testing.assert_array_equal(rows[:, layout.truncated], [0] * 39 + [1])
    np.testing.assert_array_equal(rows[:, layout.terminated], 0)
    np.testing.assert_array_equal(rows[:, layout.valid], 1)
    sent = target_to_action(
        np.stack(rig.robot.writes), task.robot.position_min_rad, task.robot.position_max_rad
    )
    np.testing.assert_array_equal(rows[:, layout.action], sent.astype(np.float32))
    assert [row.step for row in rig.rows] == list(range(40))
    assert [row.last for row in rig.rows] == [False] * 39 + [True]
    assert {(r.episode_id, r.policy_version, r.purpose) for r in rig.rows} == {("t00000000", 1, 1)}
    stamps = [row.observation_ns for row in rig.rows]
    assert set(np.diff(stamps)) == {100_000_000}


def test_rewards_come_from_the_state_arrived_in(make_rig):
    rig = run(make_rig("lockstep"))
    layout, task = row_layout(rig.task), rig.task
    rows = matrix(rig)
    observation = rows[:, layout.next_observation].astype(np.float64)
    expected = task.reward(task.physical(observation), task.goal(observation))
    np.testing.assert_allclose(rows[:, layout.reward], expected, rtol=1e-4, atol=1e-3)
    finished = rig.of_type("episode_finished")[0]
    assert finished["return"] == pytest.approx(rows[:, layout.reward].sum(), rel=1e-5)
    success = task.success(task.physical(observation[-1]), task.goal(observation[-1]))
    assert finished["success"] == bool(success)
    assert finished["steps"] == 40
    assert finished["end_reason"] == "TRUNCATED"


def test_last_action_is_the_requested_one_and_zero_after_a_reset(make_rig):
    rig = run(make_rig("lockstep"), count=2)
    layout, task = row_layout(rig.task), rig.task
    observation = matrix(rig)[:, layout.observation].astype(np.float64)
    physical, goal = task.physical(observation), task.goal(observation)
    without = task.observation(physical, np.zeros((80, 9)), goal)
    with_ones = task.observation(physical, np.ones((80, 9)), goal)
    columns = np.flatnonzero(np.abs(with_ones - without).max(axis=0) > 0.5)
    assert len(columns) == 9
    last_action = observation[:, columns]
    np.testing.assert_array_equal(last_action[[0, 40]], 0)
    assert np.abs(last_action).max() <= 1
    requested_beyond = np.abs(last_action[1:40]) == 1
    assert requested_beyond.any(), "the sampled actions reach the limits"
    applied = matrix(rig)[:39, layout.action]
    assert np.abs(applied - last_action[1:40]).max() > 0.1, "the gate has bounded some of them"


def rows_of(rig) -> list[bytes]:
    return [row.row for row in rig.rows]


def test_same_seed_same_rows_whatever_ran_before(make_rig):
    fresh = run(make_rig("lockstep", seed=5), count=2, first_index=3)
    used = make_rig("lockstep", seed=5)
    run(used, count=2, purpose="evaluate", explore=False)
    run(used, count=1, first_index=9)
    run(used, count=2, first_index=3)
    assert rows_of(used) == rows_of(fresh)
    other = run(make_rig("lockstep", seed=6), count=2, first_index=3)
    assert rows_of(other) != rows_of(fresh)


def test_two_lockstep_runs_agree_in_stamps_too(make_rig):
    runs = [run(make_rig("lockstep"), count=3) for _ in range(2)]
    first, second = ([row._replace(wall_ns=0) for row in rig.rows] for rig in runs)
    assert first == second


def test_purposes_have_sequences_of_their_own_and_indices_differ(make_rig):
    rig = make_rig("lockstep")
    orders = [
        {"explore": False},
        {"explore": False, "purpose": "evaluate"},
        {"explore": False, "first_index": 1},
        {"explore": True},
    ]
    seen = [rows_of(run(rig, **order)) for order in orders]
    for a, b in itertools.combinations(seen, 2):
        assert a != b
    layout = row_layout(rig.task)
    starts = [np.frombuffer(rows[0], np.float32)[layout.observation] for rows in seen]
    np.testing.assert_array_equal(starts[0], starts[3])  # noise does not move start or goal
    assert rows_of(run(rig, explore=False)) == seen[0]


def test_swap_at_the_episode_boundary(make_rig, make_snapshot):
    rig = make_rig("lockstep")
    rig.call("activate")
    rig.run_episodes(count=2)
    rig.cycle_until(lambda: len(rig.rows) >= 10)
    rig.slot.publish(pack_snapshot(make_snapshot(2)))
    rig.finish()
    versions = [row.policy_version for row in rig.rows]
    assert versions == [1] * 40 + [2] * 40
    assert [e["policy_version"] for e in rig.of_type("episode_finished")] == [1, 2]
    assert [e["version"] for e in rig.of_type("policy_swapped")] == [1, 2]


def test_swap_at_a_step(make_rig, make_snapshot):
    rig = make_rig("lockstep")
    rig.call("activate")
    rig.run_episodes()
    rig.cycle_until(lambda: len(rig.rows) >= 10)
    rig.slot.publish(pack_snapshot(make_snapshot(2)), at_step=True)
    rig.finish()
    versions = [row.policy_version for row in rig.rows]
    assert versions == [1] * 11 + [2] * 29  # step 10 was commanded before


def test_a_foreign_snapshot_is_refused_and_the_last_good_one_runs_on(make_rig, make_snapshot):
    rig = make_rig("lockstep")
    rig.call("activate")
    rig.slot.publish(pack_snapshot(make_snapshot(2, period_s=0.01)))
    rig.run_episodes()
    rig.finish()
    (refused,) = rig.of_type("policy_refused")
    assert (refused["reason"], refused["generation"]) == ("PERIOD_MISMATCH", 2)
    assert {row.policy_version for row in rig.rows} == {1}
    rig.slot.publish(b"no snapshot")
    rig.cycle()
    assert rig.of_type("policy_refused")[-1]["reason"] == "MANIFEST_INVALID"
    assert rig.run_episodes()["ok"]


def test_a_reset_takes_as_many_periods_as_the_robot_needs(make_rig):
    rig = run(make_rig("wall", reset_periods=7))
    assert rig.robot.resets == 7
    assert len(rig.rows) == 40


def test_cancel_during_a_reset_leaves_an_episode_without_rows(make_rig):
    rig = make_rig("wall", reset_periods=50)
    rig.call("activate")
    rig.run_episodes()
    rig.cycle(5)
    rig.call("cancel_episodes")
    (finished,) = rig.of_type("episode_finished")
    assert (finished["steps"], finished["end_reason"]) == (0, "CANCELLED")
    assert rig.rows == []


def test_rows_precede_the_event_that_tells_of_them(make_rig):
    rig = run(make_rig("lockstep"), count=3)
    assert [e["rows_total"] for e in rig.of_type("episode_finished")] == [40, 80, 120]
