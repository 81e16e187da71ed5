"""The product's promise, through the two daemons: D'Claw learns to turn its valve."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_pal_turns_the_valve_within_7500_samples(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "mbctl", "up", "--task", "dclaw-turn-random"]
    command += ["--algorithm", "pal", "--samples", "7500", "--seed", "0", "--json"]
    done = subprocess.run(
        [*command, "--run-dir", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        timeout=1700,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["evaluation_episodes"] == 100
    # Random and zero actions: 0. Seeds 0 to 2 are at 90 % or more (docs/results).
    assert summary["success"] >= 0.6
