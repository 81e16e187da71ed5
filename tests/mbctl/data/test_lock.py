"""One holder at a time; a lock file that is none is neither followed nor written to."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mbctl.data.lock import hold_lock, is_locked
from mbctl.exit_codes import StartUpError


def test_the_second_one_is_told_who_holds_it(tmp_path: Path):
    lock = tmp_path / "a.lock"
    holder = (
        "import sys, pathlib\nfrom mbctl.data.lock import hold_lock\n"
        "with hold_lock(pathlib.Path(sys.argv[1]), 'robot'):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-P", "-c", holder, str(lock)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert is_locked(lock)
        with (
            pytest.raises(StartUpError, match=rf"another robot \(process {process.pid}\)"),
            hold_lock(lock, "robot"),
        ):
            pass
        process.kill()
        process.wait()
    assert not is_locked(lock)
    with hold_lock(lock, "robot"):
        assert is_locked(lock)


@pytest.mark.parametrize("link", [True, False])
def test_what_is_no_lock_file_is_left_as_it_is(tmp_path: Path, link: bool):
    precious = tmp_path / "precious"
    precious.write_text("12 kept")
    lock = tmp_path / "a.lock" if link else precious
    if link:
        lock.symlink_to(precious)
    with pytest.raises(StartUpError, match="move it away"), hold_lock(lock, "robot"):
        pass
    assert precious.read_text() == "12 kept"


def test_a_lock_that_is_not_there_is_not_held(tmp_path: Path):
    assert not is_locked(tmp_path / "a.lock")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
):
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    lock = tmp_path / "a.lock"
    lock.touch()
    monkeypatch.setattr(fcntl, "flock", refuse)
    message = rf"cannot lock .*a\.lock: {os.strerror(number)}; .*directory on a local disk"
    with pytest.raises(StartUpError, match=message), hold_lock(lock, "robot"):
        pass
    with pytest.raises(StartUpError, match=message):
        is_locked(lock)
