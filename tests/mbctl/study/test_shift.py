"""The world changes at its sample, for the learner without a word."""

import numpy as np
import pytest

from mbctl.config import ConfigError
from mbctl.policies.manifest import row_layout
from mbctl.study.curves.environments import environments
from mbctl.study.curves.learning import CurveRun
from mbctl.study.curves.plan import parse_variant, plan_runs
from mbctl.study.curves.points import Point, spread
from mbctl.study.curves.run_files import RunFiles
from mbctl.study.curves.table import Curve
from mbctl.study.recovery import recoveries
from mbctl.study.shift import GoalRegion, Shift
from mbctl.tasks.registry import make_task
from tests.mbctl.study.curves.conftest import RHYTHM, TINY

TASK = make_task("dclaw-turn-random")
LAYOUT = row_layout(TASK)


def test_goals_come_from_one_half_and_then_from_the_other():
    rng = np.random.default_rng(3)
    halves = [GoalRegion(TASK, upper=upper) for upper in (False, True)]
    lower, upper = (np.array([half.sample_goal(rng)[0] for _ in range(200)]) for half in halves)
    assert lower.max() < upper.min()
    assert halves[0].episode_steps == TASK.episode_steps
    with pytest.raises(ConfigError, match="one goal only"):
        GoalRegion(make_task("dclaw-turn-fixed"), upper=True)


def test_a_published_benchmark_cannot_be_shifted():
    with pytest.raises(ConfigError, match="fixed world"):
        environments(make_task("gym/InvertedPendulum-v5"), Shift(kind="dynamics", at=5))


def test_dynamics_change_when_they_are_to():
    shift = Shift(kind="dynamics", at=5, link_length=1.3)
    arrived = []
    for shifted in (False, True):
        worlds = environments(TASK, shift, shifted=shifted)
        worlds[0].reset(np.random.default_rng(0))
        steps = [worlds[0].step(np.full(9, 0.8)) for _ in range(10)]
        arrived.append(steps[-1].physical)
        for world in worlds:
            world.close()
    assert np.abs(arrived[0] - arrived[1]).max() > 0.01


@pytest.mark.parametrize("stop", [None, 6])
def test_a_run_changes_worlds_at_the_sample_and_can_be_broken_off(tmp_path, stop):
    shift = Shift(kind="goals", at=100)
    (plan,) = plan_runs(["dclaw-turn-random"], [parse_variant(TINY)], [3], RHYTHM, shift)
    assert "goals-at-100" in plan.directory
    go(plan, tmp_path, stop)
    go(plan, tmp_path, None)
    rows, steps = RunFiles(tmp_path, LAYOUT.width).take_rows(170)
    goals = np.arctan2(*[f(TASK.goal(rows[:, LAYOUT.observation])[:, 0]) for f in (np.sin, np.cos)])
    assert goals[:100].max() < goals[100:].min()
    assert steps[100] == 0
    assert steps[99] == 19


class BrokenOffError(Exception):
    """The run is killed here."""


def go(plan, directory, stop):
    reports = 0

    def say(told):
        nonlocal reports
        reports += 1
        if reports == stop:
            raise BrokenOffError

    run = CurveRun(plan, RunFiles(directory, LAYOUT.width), say)
    try:
        run.run()
    except BrokenOffError:
        pass
    finally:
        run.close()


def curve(values: dict[int, float], seed: int, episodes: int = 1) -> Curve:
    points = tuple(
        Point(
            samples=samples,
            episodes=1,
            moves=1,
            success=value,
            **spread([0.0]),
            length_mean=1,
            evaluation_episodes=episodes,
            first_index=0,
            wall_s=0,
            cpu_s=0,
        )
        for samples, value in values.items()
    )
    return Curve("dclaw-turn-random", "pal", "pal", seed, points)


def test_recovery_is_counted_from_the_change():
    first = curve({0: 0.0, 10: 0.8, 15: 0.2, 20: 0.5, 25: 0.75, 30: 0.7}, 0)
    second = curve({0: 0.0, 10: 1.0, 15: 0.4, 20: 0.3, 25: 0.5, 30: 0.6}, 1)
    early = curve({0: 0.0, 10: 0.9}, 2)
    (found,) = recoveries([first, second, early], "dynamics", 10)
    assert (found.recovered, found.learned, found.seeds, found.samples) == (1, 2, 2, 15)
    assert found.before == pytest.approx(0.9)
    assert found.lowest == pytest.approx(0.25)
    assert found.last == pytest.approx(0.65)


@pytest.mark.parametrize(
    ("values", "episodes"),
    [
        ({0: 0.0, 10: 0.0, 20: 0.0}, 1),
        ({0: 0.0, 10: 0.05, 20: 0.1}, 20),  # one success of twenty may be chance
        ({0: 0.4, 10: 0.2, 20: 0.5}, 20),  # it had become worse
        ({0: 0.9, 10: 0.9, 20: 0.95}, 100),  # it could do it from the start
    ],
)
def test_who_had_learned_nothing_recovers_nothing(values, episodes):
    (found,) = recoveries([curve(values, 0, episodes)], "dynamics", 10)
    assert (found.recovered, found.learned, found.seeds, found.samples) == (0, 0, 1, None)
    assert found.last == values[20]


def test_a_small_gain_counts_where_episodes_are_many():
    (found,) = recoveries([curve({0: 0.0, 10: 0.05, 20: 0.05}, 0, 500)], "dynamics", 10)
    assert (found.recovered, found.learned, found.samples) == (1, 1, 10)


def test_a_return_is_learned_beyond_its_spread():
    def returns(gain: float) -> Curve:
        points = [
            Point(
                samples=samples, episodes=1, moves=1, success=0, **spread([value, value + 20]),
                length_mean=1, evaluation_episodes=2, first_index=0, wall_s=0, cpu_s=0,
            )
            for samples, value in ((0, 0.0), (10, gain), (20, gain))
        ]  # fmt: skip
        return Curve("gym/Hopper-v5", "pal", "pal", 0, tuple(points))

    (chance,) = recoveries([returns(15.0)], "dynamics", 10)
    (learned,) = recoveries([returns(50.0)], "dynamics", 10)
    assert (chance.recovered, learned.recovered) == (0, 1)
