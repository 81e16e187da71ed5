"""`mbctl up` on a terminal that closes, or stands still: the run stops or goes on all the same."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mbctl import exit_codes
from mbctl.results import read_points
from tests.services.controller.console_rig import Hangup, Paused, Terminal, heeding_hangups

pytestmark = pytest.mark.timeout(400)
PATIENCE_S = 180.0  # on a machine with much other work to do


@contextlib.contextmanager
def running(
    e2e: ModuleType, run_dir: Path, output: Terminal
) -> Iterator["subprocess.Popen[bytes]"]:
    """In a terminal of its own, as a shell there would start it."""
    arguments = [a for a in e2e.up_arguments(run_dir, 100_000) if a != "--json"]
    command = ["setsid", "--ctty", sys.executable, "-P", "-m", "mbctl", *arguments]
    end = output.end
    with heeding_hangups():
        up = subprocess.Popen(command, stdin=end, stdout=end, stderr=end)
    with up:
        try:
            yield up
        finally:
            up.kill()


def is_learning(run_dir: Path) -> bool:
    return len(read_points(run_dir / "curve.csv")) >= 1


@pytest.mark.parametrize("phase", ["starting", "learning"])
def test_a_terminal_that_closes_stops_the_run(tmp_path: Path, e2e: ModuleType, phase: str):
    run_dir, output = tmp_path / "run", Hangup()
    with running(e2e, run_dir, output) as up:
        if phase == "learning":
            e2e.wait_until(lambda: is_learning(run_dir), "no evaluation", PATIENCE_S)
        else:
            log = run_dir / "logs" / "trainer.log"
            e2e.wait_until(log.exists, "no start", PATIENCE_S)
        output.spoil()
        assert up.wait(PATIENCE_S) == exit_codes.OK
    assert e2e.processes_mentioning(str(run_dir)) == []
    assert not json.loads((run_dir / "summary.json").read_text())["complete"]


def test_a_paused_terminal_stops_nothing_and_is_waited_for_by_nobody(
    tmp_path: Path, e2e: ModuleType
):
    run_dir, output = tmp_path / "run", Paused()
    output.spoil()
    with running(e2e, run_dir, output) as up:
        e2e.wait_until(lambda: is_learning(run_dir), "no evaluation", PATIENCE_S)
        up.send_signal(signal.SIGTERM)
        assert up.wait(PATIENCE_S) == exit_codes.OK
    output.close()
    assert e2e.processes_mentioning(str(run_dir)) == []
