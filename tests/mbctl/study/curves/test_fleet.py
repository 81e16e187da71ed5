"""Runs in processes: several at once, broken ones apart, finished ones left alone."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mbctl.config import ConfigError
from mbctl.study.curves.plan import parse_variant, plan_runs
from mbctl.study.curves.points import RunFilesError, read_points
from mbctl.study.curves.run_files import CHECKPOINT_FILE, POINTS_FILE
from mbctl.study.curves.study import report, run_curves
from tests.mbctl.study.curves.conftest import RHYTHM, TINY


@pytest.fixture
def plans():
    return plan_runs(["dclaw-turn-random"], [parse_variant(TINY)], [0, 1], RHYTHM)


@pytest.mark.slow
def test_all_runs_are_made_once(plans, tmp_path, said):
    damaged = tmp_path / plans[1].directory
    damaged.mkdir(parents=True)
    (damaged / CHECKPOINT_FILE).write_bytes(b"nothing")
    result = run_curves(plans, tmp_path, 2, said.append)
    assert [f.plan for f in result.failures] == [plans[1]]
    message = result.failures[0].message
    assert message.startswith("exit code 3: checkpoint")
    assert "damaged" in message
    assert "Traceback" not in message
    assert [mean.samples for mean in result.last] == [170]

    (damaged / CHECKPOINT_FILE).unlink()
    stamp = (tmp_path / plans[0].directory / CHECKPOINT_FILE).stat().st_mtime_ns
    result = run_curves(plans, tmp_path, 2, said.append)
    assert not result.failures
    assert (tmp_path / plans[0].directory / CHECKPOINT_FILE).stat().st_mtime_ns == stamp
    assert result.last[0].seeds == 2
    assert "1 of 2 runs are finished already" in said


def test_what_there_is_can_be_reported_before_the_end(plans, tmp_path):
    result = report(plans, tmp_path)
    assert list(result.last) == []
    assert json.dumps(result.plain())


def test_a_folder_that_is_not_there_has_nothing_to_report(plans, tmp_path):
    with pytest.raises(RunFilesError, match="not there"):
        report(plans, tmp_path / "nowhere")


def test_a_place_that_cannot_be_written_is_named_before_anything_runs(plans, tmp_path, said):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", Path("/proc/nowhere")):
        with pytest.raises(ConfigError, match=f"--out '{out}'.*can be written"):
            run_curves(plans, out, 1, said.append)
    assert not said


@pytest.mark.slow
def test_a_killed_command_leaves_nobody_behind_and_goes_on(tmp_path):
    command = [
        sys.executable, "-P", "-m", "mbctl", "bench", "curves", "--task", "dclaw-turn-random",
        "--algorithm", TINY, "--seeds", "1", "--samples", "170", "--evaluate-every", "60",
        "--episodes", "1", "--final-episodes", "2", "--out", str(tmp_path), "--json",
    ]  # fmt: skip
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert first.stderr is not None
    assert "begins" in first.stderr.readline()
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stderr.close()
    deadline = time.monotonic() + 10
    while _in_session(first.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _in_session(first.pid)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["last"][0]["samples"] == 170
    (run,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert [p.samples for p in read_points(run / POINTS_FILE)] == [0, 60, 120, 170]


def _in_session(session: int) -> bool:
    found = subprocess.run(
        ["ps", "-s", str(session), "-o", "pid="], capture_output=True, text=True, check=False
    )
    return bool(found.stdout.strip())
