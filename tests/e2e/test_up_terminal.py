"""`mbctl up` as a person sees it: stopped while it starts, resumed, and finished."""

import re
import sys
from pathlib import Path
from types import ModuleType

from tests.mbctl.cli.terminal import Program, on_terminal

AT_ONCE_S = 2.0  # 0.2 on a machine that is not busy


def up(e2e: ModuleType, run_dir: Path, samples: int, *more: str) -> list[str]:
    arguments = [a for a in e2e.up_arguments(run_dir, samples, 0, *more) if a != "--json"]
    return [sys.executable, "-P", "-m", "mbctl", *arguments]


def row_of(program: Program, name: str) -> str:
    (row,) = [row for row in program.terminal.screen if name in row]
    return row


def test_ctrl_c_while_the_daemons_start(tmp_path: Path, e2e: ModuleType):
    run_dir = tmp_path / "run"
    with on_terminal(up(e2e, run_dir, 100_000), 100, 40) as program:
        program.wait_for("run directory")
        program.type("\x03")
        program.wait_for("Ctrl-C again: emergency stop", AT_ONCE_S)
        assert program.finish() == 0
        assert "stopped before the end" in program.terminal.text
        assert "not evaluated yet" in program.terminal.text
        assert "curve.csv" not in program.terminal.text
    e2e.wait_until(lambda: e2e.processes_mentioning(str(run_dir)) == [], "processes are left")


def test_a_resumed_run_shows_what_it_had_reached(tmp_path: Path, e2e: ModuleType):
    run_dir = tmp_path / "run"
    with on_terminal(up(e2e, run_dir, 100_000), 100, 40) as program:
        program.wait_for("version 4")
        program.type("\x03")
        program.wait_for("Ctrl-C again: emergency stop", AT_ONCE_S)
        assert program.finish() == 0
        ended = program.terminal.text
    assert re.search(
        r"last evaluation +success \d+% of 2 episodes, return .* at \d+ samples", ended
    )
    with on_terminal(up(e2e, run_dir, 100_000), 100, 40) as program:
        program.wait_for("success, last 20")
        assert re.search(r"success, last 20 +\d+%", row_of(program, "success, last 20"))
        assert re.search(r"evaluation +\d+%, .* at \d+ samples", row_of(program, "evaluation  "))
        program.type("\x03")
        assert program.finish() == 0


def test_a_final_evaluation_shows_how_far_it_is(tmp_path: Path, e2e: ModuleType):
    command = up(e2e, tmp_path / "run", 40, "--set=final_episodes=100")
    with on_terminal(command, 100, 40) as program:
        program.wait_for("final evaluation")
        program.wait_for(" of 100 episodes")
        assert program.finish(100.0) == 0
        shown = re.findall(r"(\d+) of 100 episodes", program.terminal.text)
        assert len(set(shown)) > 1, shown
        assert re.search(r"last evaluation +success \d+% of 100 episodes", program.terminal.text)
