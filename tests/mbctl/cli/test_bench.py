"""mbctl bench: what it asks for and what it prints, for people and for programs."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from mbctl import exit_codes
from mbctl.cli import bench
from mbctl.cli.bench import look_ahead_text, one_thread, slopes_text
from mbctl.study import recovery
from mbctl.study.curves import study as curves_study
from mbctl.study.curves.fleet import Failure
from mbctl.study.curves.study import CurvesResult
from mbctl.study.curves.table import Mean, Reached
from mbctl.study.errors import study as errors_study
from mbctl.study.errors.slopes import WITH, SlopeError
from mbctl.study.errors.study import LookAheadResult, StageMean
from mbctl.study.recovery import Recovery, ShiftResult
from services.bench.host import measure_host
from services.bench.report import Figure, Goal, Report

MEAN = Mean("dclaw-turn-random", "pal", 100, 3, 0.25, 0.1, -3.0, 1.0, 5.0, 4.0)
REACHED = Reached("dclaw-turn-random", "pal", "success", 0.5, 0, 3, None, None, None)


@pytest.fixture
def report() -> Report:
    machine = measure_host()
    figures = [
        Figure("step", 2.0, "ms", "loop", 9.0, goal=Goal("at least", 5.0)),
        Figure("overruns", 0, "", "thread", 3),
    ]
    return Report("micro", True, figures, 98.7, machine, machine_later(machine), ["how"], {"d": 1})


def machine_later(machine):
    from dataclasses import replace

    return replace(machine, at_s=machine.at_s + 1)


def test_people_see_figure_baseline_ratio_goal_and_yardstick(report):
    text = bench.report_text(report)
    line = next(line for line in text.splitlines() if line.startswith("step"))
    assert line.split() == ["step", "2", "ms", "loop", "9", "4.5", "at", "least", "5", "no"]
    assert "98.7 GFLOP/s" in text
    assert "load average" in text
    assert "* how" in text


def test_the_last_line_of_stdout_is_the_report(report, monkeypatch):
    from services.bench import micro

    monkeypatch.setattr(micro, "run_micro", lambda sizes, say, quick: report)
    done = CliRunner().invoke(bench.app, ["micro", "--quick", "--json"])
    assert done.exit_code == 0
    plain = json.loads(done.stdout.splitlines()[-1])
    assert plain["benchmark"] == "micro"
    assert plain["figures"][0]["ratio"] == pytest.approx(4.5)
    assert plain["figures"][0]["reached"] is False
    assert plain["figures"][1]["ratio"] is None


def test_a_part_that_does_not_run_is_a_message_and_an_exit_code(monkeypatch):
    from services.bench import ingest
    from services.up.process import DaemonDiedError

    def fail(*arguments):
        raise DaemonDiedError("the trainer ended with exit code 3", 3)

    monkeypatch.setattr(ingest, "run_ingest", fail)
    done = CliRunner().invoke(bench.app, ["ingest", "--json"])
    assert done.exit_code == 3
    error = json.loads(done.stdout.splitlines()[-1])["error"]
    assert error["reason"] == "BENCHMARK_FAILED"
    assert "exit code 3" in error["message"]


def test_a_real_run_from_the_command_line():
    command = [sys.executable, "-P", "-m", "mbctl", "bench", "ingest", "--quick", "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 1
    plain = json.loads(lines[0])
    assert plain["benchmark"] == "ingest"
    assert plain["quick"] is True
    assert plain["yardstick_gflops"] > 0
    assert {figure["unit"] for figure in plain["figures"]} == {"rows/s", "bytes/row"}
    assert "measuring: starting a trainer" in done.stderr


def test_help_of_bench_needs_no_torch():
    code = (
        "import sys\nfrom mbctl.cli import bench\n"
        "print({'torch', 'numpy', 'grpc'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, timeout=60)
    assert done.stdout == b"set()\n", done.stderr


def test_one_thread_for_this_process_and_its_children(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "8")
    monkeypatch.setenv("MKL_NUM_THREADS", "8")
    one_thread()
    assert os.environ["OMP_NUM_THREADS"] == os.environ["OPENBLAS_NUM_THREADS"] == "1"


@pytest.fixture
def asked(monkeypatch):
    """Plans that were asked for; nothing is run."""
    plans = []

    def run(wanted, out, processes, say):
        plans.extend(wanted)
        failures = [Failure(plans[0], "exit code 1: it broke")] if str(out) == "broken" else []
        return CurvesResult([MEAN], [REACHED], failures, {"means.csv": "x/means.csv"})

    monkeypatch.setattr(curves_study, "run_curves", run)
    return plans


def invoke(*arguments: str):
    return CliRunner().invoke(bench.app, list(arguments))


def test_curves_asks_for_tasks_algorithms_and_seeds(asked):
    done = invoke(
        "curves", "--task", "dclaw-turn-random", "--task", "gym/InvertedPendulum-v5",
        "--algorithm", "pal:paper", "--algorithm", "sac", "--seeds", "2", "--samples", "300",
        "--first-seed", "4", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert len(asked) == 8
    assert {plan.identity.seed for plan in asked} == {4, 5}
    assert {plan.rhythm.samples for plan in asked} == {300}
    plain = json.loads(done.stdout.splitlines()[-1])
    assert plain["last"][0]["success"] == 0.25
    assert plain["samples_to_threshold"][0]["median"] is None


def test_curves_shows_people_spread_and_thresholds(asked):
    done = invoke("curves", "--task", "dclaw-turn-random", "--algorithm", "pal")
    assert done.exit_code == 0
    assert "success 50%" in done.stdout
    assert "25%" in done.stdout
    assert "0 of 3" in done.stdout
    assert "x/means.csv" in done.stdout


def test_a_failed_run_is_named_and_an_exit_code(asked):
    done = invoke("curves", "--task", "dclaw-turn-random", "--algorithm", "pal", "--out", "broken")
    assert done.exit_code == exit_codes.START_UP
    assert "it broke" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--task", "dclaw", "--algorithm", "pal"), "unknown task"),
        (("--task", "dclaw-turn-random", "--algorithm", "pals"), "unknown algorithm"),
        (("--task", "dclaw-turn-random", "--algorithm", "pal,a=1"), "a"),
    ],
)
def test_what_does_not_exist_is_wrong_usage(asked, arguments, said):
    done = invoke("curves", *arguments)
    assert done.exit_code == exit_codes.USAGE
    assert said in done.stderr
    assert not asked


def test_shift_asks_for_both_changes(monkeypatch):
    asked = []

    def run(plans, out, processes, say):
        asked.extend(plans)
        found = Recovery("t", "pal", "goals", "success", 0.9, 0.1, 0.8, 2, 3, 3, 1500)
        return [ShiftResult([found], CurvesResult([MEAN], [REACHED], [], {}))]

    monkeypatch.setattr(recovery, "run_shift", run)
    done = invoke("shift", "--seeds", "1", "--at", "50", "--link-length", "1.2")
    assert done.exit_code == 0, done.output
    shifts = [plan.identity.shift for plan in asked]
    assert [s.kind for s in shifts] == ["dynamics", "dynamics", "goals", "goals"]
    assert [s.link_length for s in shifts] == [1.2, 1.2, 1.0, 1.0]
    assert {plan.identity.algorithm for plan in asked} == {"pal", "mal"}
    assert "2 of 3" in done.stdout
    assert "90%" in done.stdout
    assert "1500" in done.stdout


def test_errors_runs_the_part_that_was_asked_for(monkeypatch):
    asked = []

    def look_ahead(plans, out, processes, episodes, say):
        asked.extend(plans)
        mean = StageMean("t", "pal", 10, 1, "valve", 0.2, 0.1, 0.4, 0.3)
        return LookAheadResult([mean], [], {"a": "b"})

    def slopes(tasks, seeds, out, sizes, say):
        return [SlopeError("t", 0, 10, WITH, 0.1, 0.2)], {"s": "f"}

    monkeypatch.setattr(errors_study, "run_look_ahead", look_ahead)
    monkeypatch.setattr(errors_study, "run_slopes", slopes)
    done = invoke("errors", "--only", "slopes", "--json")
    assert done.exit_code == 0, done.output
    assert not asked
    assert set(json.loads(done.stdout.splitlines()[-1])) == {"slopes", "slope_files"}
    done = invoke("errors", "--only", "look-ahead", "--samples", "30", "--stage", "10", "--json")
    plain = json.loads(done.stdout.splitlines()[-1])
    assert plain["look_ahead"][0]["closed_loop"] == 0.1
    assert {(p.rhythm.evaluate_every, p.rhythm.keep_stages) for p in asked} == {(10, True)}


@pytest.mark.parametrize("task", ["nope", "gym/Hopper-v5", "dclaw-turn-random"])
def test_slope_tasks_are_checked_before_anything_is_learned(monkeypatch, task):
    monkeypatch.setattr(errors_study, "run_look_ahead", pytest.fail)
    done = invoke("errors", "--slope-task", task)
    assert done.exit_code == exit_codes.USAGE
    assert f"--slope-task '{task}'" in done.stderr


def test_texts_have_every_number():
    text = look_ahead_text([StageMean("t", "pal", 10, 1, "valve", 0.25, 0.125, 0.5, 0.375)])
    assert all(number in text for number in ("0.25", "0.125", "0.5", "0.375", "valve"))
    assert "0.0625" in slopes_text([SlopeError("t", 0, 10, WITH, 0.5, 0.0625)])
