"""Ratios, goals and the machine beside them."""

import dataclasses
import json
from pathlib import Path

import pytest

from services.bench.host import filesystem_of
from services.bench.report import Figure, Goal, Report


def test_times_count_the_other_way_round_than_rates():
    faster = Figure("step", 2.0, "ms", "loop", 10.0, goal=Goal("at least", 5.0))
    assert (faster.ratio, faster.reached) == (5.0, True)
    share = Figure("rate", 60.0, "GFLOP/s", "peak", 100.0, "value / baseline")
    assert (share.ratio, share.reached) == (0.6, None)


@pytest.mark.parametrize(
    ("goal", "reached"),
    [
        (Goal("at least", 0.6), True),
        (Goal("at least", 0.61), False),
        (Goal("at most", 0.6), True),
        (Goal("at most", 0.59), False),
    ],
)
def test_goals_have_a_direction(goal: Goal, reached: bool):
    assert Figure("rate", 60.0, "x", "y", 100.0, "value / baseline", goal).reached is reached


def test_nothing_is_divided_by_zero():
    none = Figure("overruns", 0, "", "thread", 7, goal=Goal("at least", 5.0))
    assert none.ratio is None
    assert none.reached is None
    assert none.plain()["ratio"] is None


def test_a_report_says_what_it_was_measured_beside(machine):
    later = dataclasses.replace(
        machine,
        load_average=7.0,
        at_s=machine.at_s + 10,
        busy_s=machine.busy_s + 18,
        own_s=machine.own_s + 3,
    )
    assert machine.cores_used_by_others(later) == pytest.approx(1.5)
    figure = Figure("step", 2.0, "ms", "loop", 10.0, goal=Goal("at least", 6.0))
    plain = Report("micro", True, [figure], 100.0, machine, later, ["how"], {"a": 1.0}).plain()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["load_average_after"] == 7.0
    assert plain["cores_used_by_others"] == pytest.approx(1.5)
    assert plain["figures"] == [
        {
            "name": "step",
            "value": 2.0,
            "unit": "ms",
            "baseline_name": "loop",
            "baseline": 10.0,
            "ratio": 5.0,
            "ratio_is": "baseline / value",
            "goal": {"at_least": 6.0},
            "reached": False,
        }
    ]


def test_the_machine_is_described(machine):
    assert machine.cores >= 1
    assert machine.busy_s >= machine.own_s > 0
    assert set(machine.versions) >= {"python", "torch", "numpy", "mujoco", "grpcio"}


def test_pseudo_filesystems_are_told_apart():
    assert filesystem_of(Path("/proc/self")) == "proc"
    assert filesystem_of(Path(__file__)) not in ("proc", "unknown")
