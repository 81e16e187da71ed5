"""Daemons as children: what they say when they die, and that none is left behind."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.up.addresses import free_address
from services.up.cpu_time import cpu_seconds
from services.up.process import DaemonDiedError, DaemonProcess


def process(tmp_path: Path, code: str) -> DaemonProcess:
    daemon = DaemonProcess("controller", tmp_path / "controller.json", tmp_path / "c.log")
    daemon._command = [sys.executable, "-P", "-c", code]
    return daemon


def wait_for_text(path: Path, text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in path.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_death_is_told_with_code_and_log(tmp_path: Path):
    with process(tmp_path, "raise SystemExit('no robot on the bus')") as daemon:
        with pytest.raises(DaemonDiedError, match=r"(?s)exit code 1.*c\.log:\nno robot on the bus"):
            daemon.wait_serving(lambda: False, 20)
        with pytest.raises(DaemonDiedError):
            daemon.check()


def test_a_daemon_that_never_serves_is_told(tmp_path: Path):
    with (
        process(tmp_path, "import time; time.sleep(60)") as daemon,
        pytest.raises(DaemonDiedError, match=r"does not serve after 0\.3 s"),
    ):
        daemon.wait_serving(lambda: False, 0.3)


def test_one_that_ignores_the_signal_is_killed_with_its_children(tmp_path: Path):
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-P', '-c', 'import time; time.sleep(60)'])\n"
        "print('child', child.pid, flush=True)\ntime.sleep(60)\n"
    )
    with process(tmp_path, code) as daemon:
        wait_for_text(tmp_path / "c.log", "\n")
        child = int((tmp_path / "c.log").read_text().split()[1])
        daemon.stop(0.3)
    deadline = time.monotonic() + 10
    while _is_running(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_mbctl_variables_are_not_applied_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MBCTL_CONTROLLER_SEED", "5")
    code = "import os; print('seen', 'MBCTL_CONTROLLER_SEED' in os.environ, flush=True)"
    with process(tmp_path, code):
        wait_for_text(tmp_path / "c.log", "seen False")


def test_a_daemon_ends_with_the_process_that_started_it(tmp_path: Path):
    code = (
        "import os\nfrom mbctl.cli.daemons import _stop_with\n"
        "_stop_with(os.getppid())\nprint(os.getpid(), flush=True)\nimport time; time.sleep(60)\n"
    )
    parent_code = (
        f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-P', '-c', {code!r}])\n"
        "import time; time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-P", "-c", parent_code], stdout=subprocess.PIPE)
    assert parent.stdout
    with parent:
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 10
    while _is_running(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_taken_port_is_avoided():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = f"127.0.0.1:{taken.getsockname()[1]}"
        found = free_address(wanted)
    assert found != wanted
    assert free_address(wanted) == wanted


def test_processor_time_counts_children():
    before = cpu_seconds(os.getpid())
    burn = "import time\nwhile time.process_time() < 0.5: pass"
    subprocess.run([sys.executable, "-P", "-c", burn], check=True)
    assert 0.4 < cpu_seconds(os.getpid()) - before < 5.0


def _is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
