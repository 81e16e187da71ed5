"""All that a daemon prints, whoever prints it, is a JSON line of its log."""

import json
import os
import subprocess
import sys

import pytest

_SET_UP = """
import logging, os, sys, threading, warnings
from services.telemetry import begin_logging
begin_logging("x")
"""


def _events(body: str, **options) -> list[dict]:
    result = subprocess.run(
        [sys.executable, "-P", "-c", _SET_UP + body], stderr=subprocess.PIPE, text=True, **options
    )
    return [json.loads(line) for line in result.stderr.splitlines()]


def _output(events: list[dict]) -> list[str]:
    return [event["text"] for event in events if event["event"] == "output"]


@pytest.mark.parametrize(
    "body",
    [
        "print('said')",
        "sys.stderr.write('sa'); sys.stderr.write('id\\n')",
        "os.write(1, b'said\\n')",
        "os.write(2, b'said\\n')",
        "os.system('echo said >&2')",
        "import ctypes; c = ctypes.CDLL(None); c.puts(b'said'); c.fflush(None)",
    ],
)
def test_what_is_printed_becomes_a_field(body):
    events = _events(body + "\n__import__('time').sleep(0.2)")
    assert _output(events) == ["said"]
    assert events[0]["service"] == "x"


def test_a_printed_line_that_looks_like_an_event_is_none():
    forged = json.dumps({"event": "fault", "level": "error"})
    events = _events(
        f"os.write(2, {forged.encode()!r} + b'\\n\\x1b[2J\\n')\n__import__('time').sleep(0.2)"
    )
    assert _output(events) == [forged, "\x1b[2J"]
    assert {event["event"] for event in events} == {"output"}


@pytest.mark.parametrize(
    ("body", "name", "said"),
    [
        ("logging.getLogger('lib').warning('%s here', 1)", "library_said", "1 here"),
        ("logging.getLogger('lib').warning('%d here', 'x')", "library_said", "unfit arguments"),
        ("warnings.warn('careful')", "python_warning", "careful"),
        ("raise ValueError('boom')", "uncaught_exception", "ValueError: boom"),
        (
            "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()",
            "uncaught_exception",
            "ZeroDivisionError",
        ),
        ("class D:\n    def __del__(self): 1 / 0\nD()", "uncaught_exception", "ZeroDivisionError"),
    ],
)
def test_what_python_reports_is_an_event(body, name, said):
    (event,) = _events(body)
    assert event["event"] == name
    assert said in event.get("text", "") + event.get("exception", "")


def test_whoever_prints_more_than_the_log_takes_does_not_wait():
    """Ten megabytes, at once, by C and by Python, with nobody who reads the log."""
    reader, end = os.pipe()
    body = (
        "b = b'x' * 100 + b'\\n'\n"
        "for _ in range(50_000):\n"
        "    try: os.write(2, b)\n"
        "    except BlockingIOError: pass\n"
        "    print('y' * 100)\n"
    )
    command = [sys.executable, "-P", "-c", _SET_UP + body]
    with subprocess.Popen(command, stderr=end) as process:
        os.close(end)
        assert process.wait(60) == 0
    os.close(reader)


def test_with_stderr_closed_from_the_start_nothing_else_gets_its_number(tmp_path):
    body = (
        "file = open(sys.argv[1], 'w')\n"
        "print('to the log'); os.write(2, b'and this\\n')\n"
        "__import__('time').sleep(0.1)\n"
        "file.write(f'{file.fileno()} {sys.stderr is None}')\n"
    )
    path = tmp_path / "precious"
    subprocess.run(
        [
            "/bin/sh",
            "-c",
            'exec "$0" "$@" <&- >&- 2>&-',
            sys.executable,
            "-c",
            _SET_UP + body,
            path,
        ],
        check=True,
    )
    number, missing = path.read_text().split()
    assert int(number) > 2
    assert missing == "False"
