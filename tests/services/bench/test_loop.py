"""Short runs of the real loop beside a real learner, both ways."""

import pytest

from services.bench.loop import FIVE_TIMES, LoopSizes, compare, run_loop
from services.bench.loop_run import LoopRun

pytestmark = pytest.mark.xdist_group("timing")


def a_run(**changes) -> LoopRun:
    fields = {
        "rights": {},
        "steps": 100,
        "overruns": 3,
        "lateness_p50_us": 100.0,
        "lateness_p99_us": 200.0,
        "lateness_p999_us": 300.0,
        "lateness_max_us": 400.0,
        "own_p99_us": 200.0,
        "own_work_p50_us": 1.0,
        "own_work_p99_us": 2.0,
        "learner_cpu_share": 0.9,
        "lifecycle": "ACTIVE",
    }
    return LoopRun.model_validate(fields | changes)


def test_the_goal_is_for_the_99th_percentile():
    thread = a_run(lateness_p99_us=1100.0, overruns=9)
    figures = compare(a_run(), thread, "quietly", FIVE_TIMES)
    goals = {figure.name: figure.ratio for figure in figures if figure.goal}
    assert goals == {"lateness p99, own process, quietly": pytest.approx(5.5)}
    assert [figure.ratio for figure in figures] == pytest.approx([1.0, 5.5, 1.0, 1.0, 3.0])


def test_both_ways_really_run_beside_a_learner(said):
    report = run_loop(LoopSizes(seconds=1.5, realtime=(False,)), said.append, quick=True)
    assert len(report.figures) == 5
    runs = {n: LoopRun.model_validate(d) for n, d in report.details.items() if isinstance(d, dict)}
    assert len(runs) == 2
    for name, run in runs.items():
        assert run.lifecycle == "ACTIVE", name
        assert run.steps > 10, name
        assert run.learner_cpu_share > 0.01, name
        assert run.lateness_p50_us <= run.lateness_p99_us <= run.lateness_max_us, name
        assert run.rights == {**dict.fromkeys(run.rights, False), "gc_frozen": True}, name
    for figure in report.figures:
        assert figure.value >= 0
        if figure.value:
            assert figure.ratio == pytest.approx(figure.baseline / figure.value)
