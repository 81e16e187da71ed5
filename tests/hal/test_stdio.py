"""Printing without waiting for a reader, and without a reader at all."""

import os
import pty
import subprocess
import sys
import termios
import time

import pytest

from hal.stdio import LossyText, write_in_time

pytestmark = pytest.mark.xdist_group("timing")


@pytest.fixture
def pipe():
    reader, end = os.pipe()
    yield reader, end
    for descriptor in (reader, end):
        try:
            os.close(descriptor)
        except OSError:
            continue  # the test closed it


def test_it_writes_what_goes_and_loses_the_rest(pipe):
    reader, end = pipe
    text = LossyText(end)
    begun = time.monotonic()
    assert text.write("é" * 200_000) == 200_000
    assert time.monotonic() - begun < 1.0
    assert os.read(reader, 10) == "é".encode() * 5


def test_a_reader_who_has_gone_is_no_error(pipe):
    reader, end = pipe
    os.close(reader)
    assert LossyText(end).write("said\n") == 5
    os.close(end)
    assert LossyText(end).write("said\n") == 5


def test_a_paused_terminal_is_not_waited_for():
    master, slave = pty.openpty()
    termios.tcflow(slave, termios.TCOOFF)
    assert write_in_time(slave, b"said\n") == 0
    termios.tcflow(slave, termios.TCOON)
    assert write_in_time(slave, b"said\n") == 5
    os.close(slave)
    os.close(master)


@pytest.mark.parametrize("patience_s", [0.0, 0.3])
def test_a_terminal_that_nobody_looks_at_is_waited_for_no_longer_than_said(patience_s):
    """Room for a few bytes is no room for many: the terminal's own driver would wait for it."""
    master, slave = pty.openpty()
    text = LossyText(slave, patience_s)
    begun = time.monotonic()
    text.write("x" * 1_000_000)
    assert patience_s <= time.monotonic() - begun < patience_s + 1.0
    os.close(slave)
    os.close(master)


def test_a_file_is_gone_on_with_where_others_have_got_to(tmp_path):
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    text = LossyText(file)
    os.write(file, b"one\n")
    text.write("two\n")
    os.write(file, b"three\n")
    assert (tmp_path / "log").read_text() == "one\ntwo\nthree\n"
    os.close(file)


def test_it_serves_as_a_text_stream(pipe):
    text = LossyText(pipe[1])
    print("said", file=text, flush=True)
    assert (text.fileno(), text.isatty(), text.encoding) == (pipe[1], False, "utf-8")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_standard_descriptor_is_held_by_the_null_device(tmp_path, closed):
    body = (
        "import os, sys\n"
        "from hal.stdio import hold_standard_descriptors\n"
        "hold_standard_descriptors()\n"
        "with open(sys.argv[1], 'w') as file: file.write(str(file.fileno()))\n"
        "sys.stdout.write(''); sys.stderr.write('')\n"
    )
    path = tmp_path / "file"
    command = [
        "/bin/sh",
        "-c",
        f'exec "$0" "$@" {closed}',
        sys.executable,
        "-P",
        "-c",
        body,
        str(path),
    ]
    subprocess.run(command, check=True)
    assert int(path.read_text()) > 2
