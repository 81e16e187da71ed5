"""D'Kitty through both daemons: PAL runs on each of its tasks."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from mbctl.tasks.registry import TASKS

KITTY_TASKS = [name for name in TASKS.names() if name.startswith("dkitty")]


def run(e2e: ModuleType, run_dir: Path, task: str) -> None:
    arguments = e2e.up_arguments(run_dir, 250, 0, f"--task={task}")
    done = e2e.mbctl(*arguments, timeout_s=110)
    assert done.returncode == 0, done.stderr[-2000:]
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["complete"]
    assert summary["task"] == task
    assert summary["samples"] >= 250
    assert summary["policy_version"] >= 2
    rows = e2e.train_rows(Path(summary["database"]))
    assert rows.count == summary["samples"]


def test_pal_learns_from_rows_of_a_robot_that_falls(e2e: ModuleType, tmp_path: Path):
    run(e2e, tmp_path / "run", "dkitty-orient-random")


@pytest.mark.slow
@pytest.mark.parametrize("task", [t for t in KITTY_TASKS if t != "dkitty-orient-random"])
def test_pal_runs_on_every_kitty_task(e2e: ModuleType, tmp_path: Path, task: str):
    run(e2e, tmp_path / "run", task)
