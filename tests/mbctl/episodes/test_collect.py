"""Rows collected here are the control loop's."""

import numpy as np
import pytest

from mbctl.data.layout import RowLayout
from mbctl.episodes.actor import Actor
from mbctl.episodes.collect import BrokenPolicyError, Collector, RunningEpisode, evaluate
from mbctl.episodes.seeding import PURPOSE_NUMBERS, EpisodeSeed
from mbctl.policies.manifest import row_layout
from mbctl.study.curves.environments import environments
from mbctl.tasks.registry import make_task

TASK = make_task("dclaw-turn-random")
LAYOUT: RowLayout = row_layout(TASK)


class Noisy(Actor):
    """Uniform actions; notes when episodes begin."""

    def __init__(self):
        self.begun = []

    def begin(self, plan_seed):
        self.begun.append(plan_seed)

    def act(self, episode):
        if episode.noise is None:
            return np.zeros(9, np.float32)
        return episode.noise.uniform(-1, 1, 9).astype(np.float32)


@pytest.fixture
def worlds():
    made = environments(TASK)
    yield made
    for world in made:
        world.close()


def test_start_and_goal_are_those_of_the_control_loop(worlds):
    episode = RunningEpisode(worlds[0], EpisodeSeed(7, "evaluate", 4), explore=False)
    rng = np.random.Generator(
        np.random.PCG64(np.random.SeedSequence([7, PURPOSE_NUMBERS["evaluate"], 4]))
    )
    start, goal = TASK.sample_start(rng), TASK.sample_goal(rng)
    row = episode.act(Noisy())
    observed = TASK.goal(row[LAYOUT.observation])
    np.testing.assert_allclose(np.cos(observed), np.cos(goal), atol=1e-5)
    assert start.joint_position_rad.shape == (9,)


def test_blocks_of_any_size_give_the_same_rows(worlds):
    whole, _ = Collector(worlds[0], 1).collect(Noisy(), 90)
    collector, actor = Collector(worlds[1], 1), Noisy()
    blocks = [collector.collect(actor, count)[0] for count in (13, 40, 37)]
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    assert collector.episodes == 3
    assert len(actor.begun) == 3


def test_an_actor_that_takes_over_is_told(worlds):
    collector, second = Collector(worlds[0], 1), Noisy()
    collector.collect(Noisy(), 10)
    collector.collect(second, 10)
    assert second.begun == [EpisodeSeed(1, "train", 0).plan_seed()]


def test_it_goes_on_in_the_middle_of_an_episode(worlds):
    straight, resumed = Collector(worlds[0], 1), Collector(worlds[1], 1, index=2)
    actor = Noisy()
    straight.collect(actor, 55)
    noise = straight.noise
    assert noise is not None
    resumed.reopen(straight.requested.copy(), noise)
    np.testing.assert_array_equal(resumed.collect(actor, 40)[0], straight.collect(actor, 40)[0])


def test_each_evaluation_has_its_own_goals(worlds):
    first = evaluate(worlds[0], Noisy(), 0, 0, 2)
    again = evaluate(worlds[0], Noisy(), 0, 0, 2)
    other = evaluate(worlds[0], Noisy(), 0, 2, 2)
    assert first == again
    assert {o.episode_return for o in first}.isdisjoint({o.episode_return for o in other})
    assert all(o.steps == 40 for o in first)


def test_a_broken_policy_is_no_row(worlds):
    class Broken(Noisy):
        def act(self, episode):
            return np.full(9, np.nan, np.float32)

    with pytest.raises(BrokenPolicyError, match="nan"):
        Collector(worlds[0], 0).collect(Broken(), 1)
