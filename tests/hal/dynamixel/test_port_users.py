"""Who else has the port open is named, and whoever plays the port is not."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hal.dynamixel.port_users import (
    PortUser,
    SharedPortError,
    port_users,
    refuse_shared_port,
)

HOLD = (
    "import os, sys, time; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print(); time.sleep(60)"
)
PLAY = (
    "import os, pty, time; m, s = pty.openpty(); print(os.ttyname(s), flush=True); time.sleep(60)"
)


@pytest.fixture
def spawn():
    started = []

    def start(program: str, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-u", "-c", program, *arguments]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_process_that_holds_the_port_is_named_by_link_or_device(spawn, tmp_path: Path):
    path = spawn(PLAY).stdout.readline().strip()
    link = tmp_path / "claw"
    link.symlink_to(path)
    assert port_users(str(link)) == ()
    refuse_shared_port(str(link))
    reader = spawn(HOLD, path)
    reader.stdout.readline()
    (user,) = port_users(str(link))
    assert user.pid == reader.pid
    assert user.name.startswith("python")
    with pytest.raises(SharedPortError, match=rf"{user.name} \(pid {reader.pid}\)") as caught:
        refuse_shared_port(str(link))
    assert caught.value.reason == "PORT_SHARED"
    assert str(link) in str(caught.value)
    reader.kill()
    reader.wait()
    assert port_users(str(link)) == ()


def test_own_descriptors_count_only_if_asked_for(spawn):
    path = spawn(PLAY).stdout.readline().strip()
    handle = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        assert port_users(path) == ()
        assert [user.pid for user in port_users(path, without=())] == [os.getpid()]
    finally:
        os.close(handle)


def test_processes_that_vanish_or_are_not_ours_are_no_error(tmp_path: Path):
    proc = tmp_path / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "7").mkdir()  # no fd folder to be seen
    gone = proc / "8" / "fd"
    gone.mkdir(parents=True)
    (gone / "3").write_text("")  # no link any more
    held = proc / "9" / "fd"
    held.mkdir(parents=True)
    (held / "3").symlink_to("/dev/ttyUSB7")
    (proc / "9" / "comm").write_text("scr\x1b[31meen\n")
    assert port_users("/dev/ttyUSB7", proc=proc) == (PortUser(9, "scr[31meen"),)
    assert port_users("/dev/ttyUSB7", proc=tmp_path / "none") == ()


def test_looking_takes_no_longer_than_an_activation_can_spare():
    begin = time.monotonic()
    port_users("/dev/ttyUSB7")
    assert time.monotonic() - begin < 2.0
