"""Tables, pictures and stages of tiny runs."""

import csv

import pytest

from mbctl.config import ConfigError
from mbctl.study.curves.learning import CurveRun
from mbctl.study.curves.plan import StudyRhythm, parse_variant, plan_runs
from mbctl.study.curves.run_files import RunFiles
from mbctl.study.errors.picture import draw_slopes, draw_stages
from mbctl.study.errors.slopes import WITH, WITHOUT, SlopeError
from mbctl.study.errors.stages import StageError, check_models, measure_stages, stages
from mbctl.study.errors.study import stage_means, write_look_ahead
from tests.mbctl.study.curves.conftest import TINY

RHYTHM = StudyRhythm(
    samples=150, evaluate_every=100, evaluation_episodes=1, final_episodes=1, keep_stages=True
)


def test_stages_of_a_run_are_measured(tmp_path):
    from mbctl.policies.manifest import row_layout
    from mbctl.tasks.registry import make_task

    (plan,) = plan_runs(["dclaw-turn-random"], [parse_variant(TINY)], [0], RHYTHM)
    width = row_layout(make_task("dclaw-turn-random")).width
    run = CurveRun(plan, RunFiles(tmp_path / plan.directory, width), lambda told: None)
    run.run()
    run.close()
    assert stages(plan) == [100, 150]
    found = measure_stages(plan, tmp_path, 2)
    assert [(e.samples, e.mode) for e in found] == [
        (100, "open"),
        (100, "closed"),
        (150, "open"),
        (150, "closed"),
    ]
    assert all(e.column == "valve_position_rad" and len(e.of_column) == 40 for e in found)
    assert found[0].of_column != found[2].of_column
    assert measure_stages(plan, tmp_path, 2) == found


def test_an_algorithm_without_a_model_is_refused_at_once():
    plans = plan_runs(["dclaw-turn-random"], [parse_variant("sac")], [0], RHYTHM)
    with pytest.raises(ConfigError, match="no dynamics model"):
        check_models(plans)


@pytest.fixture
def errors() -> list[StageError]:
    return [
        StageError("t", "pal", seed, 10, mode, "x", (0.1, value), (1.0, 2.0))
        for seed, mode, value in (
            (0, "open", 0.3),
            (0, "closed", 0.2),
            (1, "open", 0.5),
            (1, "closed", 0.4),
        )
    ]


def test_means_are_over_seeds(errors):
    (mean,) = stage_means(errors)
    assert (mean.seeds, mean.column, mean.samples) == (2, "x", 10)
    assert mean.open_loop == pytest.approx(0.25)
    assert mean.closed_loop == pytest.approx(0.2)
    assert (mean.open_end, mean.closed_end) == (pytest.approx(0.4), pytest.approx(0.3))


def test_files_are_written(tmp_path, errors):
    write_look_ahead(errors, tmp_path / "e.csv")
    with (tmp_path / "e.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 8
    assert (lines[1]["mode"], lines[1]["step"], lines[1]["column_error"]) == ("open", "2", "0.3")
    draw_stages(errors, tmp_path / "e.png")
    slopes = [
        SlopeError("t", 0, rows, loss, 0.1, 0.2) for rows in (1, 2) for loss in (WITH, WITHOUT)
    ]
    draw_slopes(slopes, tmp_path / "s.png")
    assert all((tmp_path / name).stat().st_size > 5000 for name in ("e.png", "s.png"))
