"""`mbctl up` over servos on a bus, simulated behind real bytes."""

import json
import math
import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("task", ["dclaw-turn-random", "dkitty-stand-random"])
@pytest.mark.timeout(400)
def test_a_run_learns_from_servos_on_a_bus(task: str, e2e: ModuleType, tmp_path: Path):
    chosen = (f"--task={task}", "--backend=virtual-bus")
    run = e2e.mbctl(*e2e.up_arguments(tmp_path / "run", 80, 1, *chosen), timeout_s=380)
    assert run.returncode == 0, run.stderr
    summary = json.loads(run.stdout.splitlines()[-1])
    assert summary["complete"]
    assert summary["samples"] >= 80
    assert (summary["backend"], summary["clock"]) == ("virtual-bus", "wall")
    assert math.isfinite(summary["return"])
    with closing(sqlite3.connect(summary["database"])) as database:
        found = database.execute("SELECT DISTINCT backend, calibration_version FROM chunks")
        assert found.fetchall() == [("virtual-bus", "robel")]
    assert e2e.processes_mentioning(summary["run_dir"]) == []
