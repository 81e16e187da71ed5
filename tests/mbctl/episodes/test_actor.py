"""Which planned action belongs to a step, and how long a late plan is followed."""

import numpy as np
import pytest

from mbctl.episodes.actor import PlanFollower, explored


def plan(first: float) -> np.ndarray:
    """[4, 1], counting up from `first`."""
    return np.arange(first, first + 4, dtype=np.float32)[:, None]


def test_there_is_no_action_before_the_first_plan():
    follower = PlanFollower(2)
    assert follower.action(0) is None
    assert follower.lateness(0) is None


def test_a_plan_is_followed_as_far_as_it_may_be():
    follower = PlanFollower(2)
    follower.take(5, plan(10))
    actions = [follower.action(step) for step in range(4, 9)]
    assert [None if a is None else float(a[0]) for a in actions] == [None, 10, 11, 12, None]
    assert [follower.lateness(step) for step in (4, 5, 8)] == [0, 0, 3]


def test_a_plan_ends_where_its_horizon_does():
    follower = PlanFollower(100)
    follower.take(0, plan(0))
    assert follower.action(3) is not None
    assert follower.action(4) is None


def test_an_older_plan_does_not_replace_a_newer_one():
    follower = PlanFollower(2)
    follower.take(6, plan(20))
    follower.take(5, plan(10))
    newest = follower.action(6)
    assert newest is not None
    assert newest[0] == 20


def test_another_episode_forgets_the_plan():
    follower = PlanFollower(2)
    follower.take(6, plan(20))
    follower.begin()
    assert follower.action(6) is None


class TestExplored:
    def test_without_noise_it_is_the_planned_action(self):
        action = np.array([0.3, -1.0], np.float32)
        rng = np.random.default_rng(0)
        np.testing.assert_array_equal(explored(action, 0.5, None), action)
        np.testing.assert_array_equal(explored(action, 0.0, rng), action)

    def test_noise_has_the_deviation_asked_for_and_stays_in_range(self):
        rng = np.random.default_rng(0)
        drawn = np.stack([explored(np.zeros(2, np.float32), 0.1, rng) for _ in range(4000)])
        assert drawn.std() == pytest.approx(0.1, rel=0.05)
        edge = np.stack([explored(np.ones(2, np.float32), 0.5, rng) for _ in range(100)])
        assert edge.max() == 1.0
