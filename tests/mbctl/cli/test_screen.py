"""What a person sees of a run on terminals of several sizes and kinds, read from a real pty."""

import sys
from pathlib import Path

import pytest

from tests.mbctl.cli.terminal import Program, on_terminal

SHOWN = [sys.executable, str(Path(__file__).with_name("drawn_run.py"))]
LAST_LINE = "time left not known yet"
FRAME = {"╭": "╮", "│": "│", "╰": "╯"}


def check_frame(program: Program, columns: int) -> None:
    """One whole box, and nothing of an earlier one; a frame may arrive in several pieces."""
    program.settle()
    box = [row for row in program.terminal.screen if row[:1] in FRAME]
    assert [row[0] for row in box] == ["╭", *"│" * (len(box) - 2), "╰"], "\n".join(box)
    assert {len(row) for row in box} == {min(columns, 100)}
    assert all(row[-1] == FRAME[row[0]] for row in box)
    assert program.terminal.screen == box


@pytest.mark.parametrize("columns", [60, 80, 100, 140, 200])
def test_a_box_fits_the_terminal(columns: int):
    with on_terminal(SHOWN, columns, 30) as program:
        program.wait_for("9 of 100 episodes")
        check_frame(program, columns)


def test_a_box_stays_whole_when_the_terminal_is_resized():
    with on_terminal(SHOWN, 100, 30) as program:
        program.wait_for(LAST_LINE)
        for columns, lines in ((70, 30), (140, 40), (60, 24), (100, 30)):
            program.resize(columns, lines)
            seen = program.terminal.text.count("\x1b[2J")
            while program.terminal.text.count("\x1b[2J") == seen:
                program.read(5.0)
            program.wait_for(LAST_LINE)
            check_frame(program, columns)


def test_a_box_too_high_for_the_terminal_keeps_its_ends():
    with on_terminal(SHOWN, 60, 12) as program:
        program.wait_for(LAST_LINE)
        check_frame(program, 60)
        assert len(program.terminal.screen) == 11
        assert "500 of 1000" in program.terminal.screen[1]


def test_ctrl_c_is_acknowledged_at_once_and_breaks_no_box():
    with on_terminal(SHOWN, 100, 30) as program:
        program.wait_for(LAST_LINE)
        program.type("\x03")
        program.wait_for("Ctrl-C again: emergency stop", timeout_s=2.0)
        check_frame(program, 100)
        program.type("\x03")
        assert program.finish() == 4


def test_a_bar_without_colours_shows_what_is_missing():
    with on_terminal(SHOWN, 100, 30, NO_COLOR="1") as program:
        program.wait_for(LAST_LINE)
        assert "\x1b[3" not in program.terminal.text
        (samples,) = [row for row in program.terminal.screen if "samples" in row]
        assert f"{'━' * 20}{'·' * 20}  500 of 1000" in samples


def test_a_terminal_without_a_cursor_gets_lines():
    with on_terminal(SHOWN, 200, 30, TERM="dumb") as program:
        program.wait_for("collecting 3 of 100 episodes")
        program.type("\x03")
        program.wait_for("Ctrl-C again: emergency stop", timeout_s=2.0)
        program.type("\x03")
        assert program.finish() == 4
        assert "\x1b" not in program.terminal.text


def test_a_terminal_of_ascii_gets_ascii():
    with on_terminal(SHOWN, 80, 30, PYTHONIOENCODING="ascii") as program:
        program.wait_for(LAST_LINE)
        assert program.terminal.text.isascii()
        assert any("#" * 15 + "." * 15 in row for row in program.terminal.screen)
