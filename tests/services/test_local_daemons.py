"""Daemons are found by the file they leave; nobody else's file, and no dead daemon's, counts."""

import json
import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.local_daemons import CONTROLLER, TRAINER, announced, local_daemons, start_time
from services.runtime_dir import RuntimeDirError, find_runtime_dir, make_runtime_dir

_DAEMON = """
import sys
from pathlib import Path
from services.local_daemons import announced
with announced(sys.argv[1], sys.argv[2], Path("run")) as announcement:
    announcement.serve(sys.argv[3])
    print("announced", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An XDG_RUNTIME_DIR of its own."""
    path = tmp_path / "runtime"
    path.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return path


class Daemon:
    """A process that announces itself; the block's end ends it in an orderly way."""

    def __init__(self, kind: str, name: str, address: str, cwd: Path) -> None:
        command = [sys.executable, "-P", "-c", _DAEMON, kind, name, address]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=cwd)

    def __enter__(self) -> "Daemon":
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"announced\n"
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.communicate(timeout=20)


def test_each_is_found_while_it_runs(tmp_path: Path):
    assert local_daemons(CONTROLLER) == []
    with (
        Daemon(CONTROLLER, "right", "127.0.0.1:1", tmp_path) as right,
        Daemon(CONTROLLER, "left", "unix:left.sock", tmp_path),
        Daemon(TRAINER, "dclaw-turn", "127.0.0.1:2", tmp_path),
    ):
        found = local_daemons(CONTROLLER)
        assert [(d.name, d.address) for d in found] == [
            ("left", f"unix:{tmp_path}/left.sock"),
            ("right", "127.0.0.1:1"),
        ]
        assert found[1].pid == right.process.pid
        assert found[1].run_dir == str(tmp_path / "run")
        assert [d.name for d in local_daemons(TRAINER)] == ["dclaw-turn"]
    assert local_daemons(CONTROLLER) == []


def test_a_killed_daemon_s_file_is_stale_and_cleared_by_the_next(tmp_path: Path, runtime: Path):
    with Daemon(CONTROLLER, "left", "127.0.0.1:1", tmp_path) as killed:
        killed.process.send_signal(signal.SIGKILL)
    (left,) = (runtime / "mbctl").iterdir()
    assert local_daemons(CONTROLLER) == []
    with announced(CONTROLLER, "right", tmp_path):
        assert [d.name for d in local_daemons(CONTROLLER)] == ["right"]
        assert not left.exists()


def test_a_process_that_has_got_the_same_id_is_another_one(tmp_path: Path, runtime: Path):
    with announced(CONTROLLER, "left", tmp_path):
        (path,) = (runtime / "mbctl").iterdir()
        fields = json.loads(path.read_text())
        assert fields["started"] == start_time(os.getpid()) > 0
        fields["started"] += 1
        path.write_text(json.dumps(fields))
        assert local_daemons(CONTROLLER) == []


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "7", '{"pid": 1}', '{"pid": "1", "started": 2}', "\x00" * 100, "[" * 100_000],
)
def test_a_file_that_is_no_record_is_passed_over(tmp_path: Path, runtime: Path, content: str):
    with announced(CONTROLLER, "left", tmp_path):
        (runtime / "mbctl" / "controller-1.json").write_text(content)
        assert [d.name for d in local_daemons(CONTROLLER)] == ["left"]
    with announced(CONTROLLER, "right", tmp_path):
        pass


def test_links_and_pipes_are_passed_over(tmp_path: Path, runtime: Path):
    with announced(CONTROLLER, "left", tmp_path):
        (path,) = (runtime / "mbctl").iterdir()
        (runtime / "mbctl" / "controller-2.json").symlink_to(path)
        os.mkfifo(runtime / "mbctl" / "controller-3.json")
        assert [d.name for d in local_daemons(CONTROLLER)] == ["left"]


def test_the_directory_and_its_files_are_the_user_s_alone(tmp_path: Path, runtime: Path):
    before = os.umask(0)
    try:
        with announced(CONTROLLER, "left", tmp_path):
            made = [runtime / "mbctl", *(runtime / "mbctl").iterdir()]
            modes = [stat.S_IMODE(path.stat().st_mode) for path in made]
    finally:
        os.umask(before)
    assert modes == [0o700, 0o600]


@pytest.mark.parametrize("what", ["unset", "relative", "missing", "open to others", "a file"])
def test_without_a_runtime_directory_it_lies_among_temporary_files(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch, what: str
):
    if what == "unset":
        monkeypatch.delenv("XDG_RUNTIME_DIR")
    elif what == "open to others":
        runtime.chmod(0o755)
    else:
        (tmp_path / "file").touch()
        wrong = {"relative": "run", "missing": "/nowhere", "a file": f"{tmp_path}/file"}[what]
        monkeypatch.setenv("XDG_RUNTIME_DIR", wrong)
    assert find_runtime_dir() is None
    assert make_runtime_dir() == find_runtime_dir() == tmp_path / f"mbctl-{os.geteuid()}"


@pytest.mark.parametrize("what", ["link", "file", "somebody else's"])
def test_a_directory_that_is_not_ours_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
):
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    path = tmp_path / f"mbctl-{os.geteuid()}"
    if what == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        path.symlink_to(tmp_path / "elsewhere")
    elif what == "file":
        path.touch()
    elif os.geteuid() != 0:
        pytest.skip("only root can give a directory away")
    else:
        path.mkdir(mode=0o700)
        os.chown(path, 12345, 12345)
    with pytest.raises(RuntimeDirError, match=str(path)):
        make_runtime_dir()
    assert find_runtime_dir() is None


def test_one_of_ours_that_is_open_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    path = tmp_path / f"mbctl-{os.geteuid()}"
    path.mkdir()
    path.chmod(0o777)
    assert find_runtime_dir() is None
    assert stat.S_IMODE(make_runtime_dir().stat().st_mode) == 0o700


def test_a_stop_is_answered_while_the_address_is_told(tmp_path: Path):
    """The thread that takes stop signals does not wait for the start-up to be over."""
    with announced(CONTROLLER, "left", tmp_path) as announcement:
        with ThreadPoolExecutor(2) as pool:
            stops = [pool.submit(announcement.answer, {"n": n}) for n in range(300)]
            for port in range(300):
                announcement.serve(f"127.0.0.1:{port}")
            for stop in stops:
                stop.result()
        (own,) = local_daemons(CONTROLLER)
    assert (own.stops, own.address) == (300, "127.0.0.1:299")


def test_a_reason_that_nobody_took_is_not_a_later_daemon_s(tmp_path: Path, runtime: Path):
    directory = make_runtime_dir()
    left = [directory / f"controller-{os.getpid()}{end}" for end in (".reason", ".draft")]
    for path in left:
        path.write_text("fire in the hall")
    with announced(CONTROLLER, "left", tmp_path):
        assert not any(path.exists() for path in left)
        left[0].write_text("came too late")
    assert list(directory.iterdir()) == []
