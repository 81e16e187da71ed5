"""Pipes, terminals, sockets and files, and what becomes of them."""

import errno
import os
import pty
import resource
import socket
import threading
import tty

import pytest

from services.logs.sinks import FileSink, StreamSink

LINE = b'{"event": "e"}\n'


def test_a_pipe_without_a_reader_loses_its_lines_and_raises_nothing():
    reader, end = os.pipe()
    sink = StreamSink(end)
    assert sink.write(LINE)
    os.close(reader)
    assert not sink.write(LINE)
    assert not sink.write(LINE)
    assert sink.is_ready(), "nobody waits for it"
    os.close(end)


def test_a_terminal_that_was_closed_loses_its_lines():
    master, slave = pty.openpty()
    sink = StreamSink(slave)
    os.close(slave)
    assert sink.write(LINE)
    os.close(master)
    assert not sink.write(LINE)
    assert sink.is_ready()


def test_a_socket_as_systemd_gives_one_takes_lines():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sink = StreamSink(ours.fileno())
        assert sink.write(LINE)
        assert theirs.recv(100) == LINE
        theirs.close()
        assert not sink.write(LINE)


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_a_reader_who_does_not_read_is_told_of(kind):
    reader, end = os.pipe() if kind == "pipe" else pty.openpty()
    if kind == "terminal":
        tty.setraw(end)
    sink = StreamSink(end)
    assert sink.is_ready()
    writing = threading.Thread(target=lambda: sink.write(b"x" * 300_000), daemon=True)
    writing.start()
    writing.join(0.3)
    assert writing.is_alive()
    assert not sink.is_ready()
    received = 0
    while received < 300_000:
        received += len(os.read(reader, 65_536))
    writing.join(5.0)
    assert not writing.is_alive()
    os.close(reader)
    os.close(end)


def test_a_full_disk_loses_lines_and_nothing_else():
    full = os.open("/dev/full", os.O_WRONLY)
    sink = StreamSink(full)
    assert not sink.write(LINE)
    assert not sink.write(LINE)
    os.close(full)


def test_a_line_that_the_disk_took_half_of_does_not_spoil_the_next(tmp_path):
    """A limit of the file's size, as a quota or a full disk, lets a part of a write through."""
    path = tmp_path / "log"
    sink = FileSink(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(LINE) + 5, hard))
    try:
        assert sink.write(LINE)
        assert not sink.write(LINE)
        assert not sink.write(LINE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sink.write(LINE)
    assert path.read_bytes().splitlines() == [LINE[:-1], LINE[:5], LINE[:-1]]


def test_a_file_is_rotated_by_size_and_as_many_are_kept(tmp_path):
    path = tmp_path / "log"
    sink = FileSink(path, bytes_max=10 * len(LINE), kept=3)
    for number in range(100):
        assert sink.write(b'{"event": "%d"}\n' % (number % 10))
    files = sorted(entry.name for entry in tmp_path.iterdir())
    assert files == ["log", "log.1", "log.2", "log.3"]
    assert all(entry.stat().st_size <= 10 * len(LINE) for entry in tmp_path.iterdir())
    assert (path.stat().st_mode & 0o777) == 0o600


def test_a_file_that_cannot_be_rotated_is_gone_on_with(tmp_path):
    path = tmp_path / "log"
    sink = FileSink(path, bytes_max=3 * len(LINE), kept=2)
    (tmp_path / "log.1").mkdir()
    (tmp_path / "log.1" / "something").touch()
    (tmp_path / "log.2").mkdir()
    (tmp_path / "log.2" / "something").touch()
    for _ in range(10):
        assert sink.write(LINE)
    assert path.read_bytes() == 10 * LINE


def test_a_log_is_not_written_through_a_link(tmp_path):
    (tmp_path / "target").write_text("precious\n")
    (tmp_path / "log").symlink_to(tmp_path / "target")
    with pytest.raises(OSError) as caught:
        FileSink(tmp_path / "log")
    assert caught.value.errno == errno.ELOOP
