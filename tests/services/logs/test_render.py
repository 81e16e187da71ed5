"""A line is a line, whoever chose its words."""

import json

import pytest

from services.logs.render import as_json, as_text

FORGED = 'x\n2026-11-30T00:00:00Z [error] fault reason=E\x1b[2J\r\x9b31m\x7f{"event": "fault"}'


@pytest.mark.parametrize("field", ["event", "text", "level", "exception"])
def test_json_is_one_printable_line(field):
    line = as_json({"event": "e", "level": "info", field: FORGED})
    assert line.count(b"\n") == 1
    assert line[:-1].decode("ascii").isprintable()
    assert json.loads(line)[field] == FORGED


@pytest.mark.parametrize("field", ["event", "text", "logger"])
def test_text_is_one_printable_line(field):
    line = as_text(colors=False)({"event": "e", "level": "info", field: FORGED}).decode()
    assert line.count("\n") == 1
    assert line[:-1].isprintable()


def test_a_traceback_is_indented_so_that_no_line_of_it_is_taken_for_an_event():
    lines = as_text(colors=False)({"event": "e", "exception": FORGED}).decode().splitlines()
    assert len(lines) == 4  # the event, and the text with its newline and carriage return
    assert all(line.startswith("    ") and line.isprintable() for line in lines[1:])
