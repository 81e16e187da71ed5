"""mbctl bench: what it prints, for people and for programs."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from mbctl.cli import bench
from mbctl.cli.bench_frame import one_thread
from services.bench.machine import look_at_machine
from services.bench.report import Figure, Goal, Report


@pytest.fixture
def report() -> Report:
    machine = look_at_machine()
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
