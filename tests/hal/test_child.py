"""Child processes as they really are: started, told, asked to end, killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hal.child import PIPE, Child, last_lines

ECHO = "import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(line); sys.stdout.flush()"
SLEEP = "import time; print('up', flush=True); time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEP}"

Start = Callable[..., Child]


@pytest.fixture
def start() -> Iterator[Start]:
    children: list[Child] = []

    def begin(code: str, **options) -> Child:
        options = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE} | options
        children.append(Child([sys.executable, "-P", "-c", code], **options))
        return children[-1]

    yield begin
    for child in children:
        child.end_now()
        child.close()


def is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_it_is_told_and_heard(start: Start):
    child = start(ECHO)
    assert child.write(b"hello\n")
    assert child.stdout.readline() == b"hello\n"
    assert (child.exit_code, child.ending) == (None, "still running")


def test_more_than_a_pipe_holds_is_written_whole(start: Start):
    child = start("import sys; print(len(sys.stdin.buffer.readline()), flush=True)")
    assert child.write(b"x" * 300_000 + b"\n")
    assert child.stdout.readline() == b"300001\n"


def test_one_that_has_ended_takes_nothing_and_says_how_it_ended(start: Start):
    child = start("raise SystemExit(7)")
    assert child.wait(20) == 7
    assert not child.write(b"hello\n")
    assert child.ending == "exit code 7"
    assert child.end(1.0) == 7


def test_one_that_closes_its_stdin_takes_nothing(start: Start):
    child = start(f"import os; os.close(0)\n{SLEEP}")
    child.stdout.readline()
    assert not child.write(b"hello\n")


def test_it_ends_when_asked(start: Start):
    child = start(SLEEP)
    child.stdout.readline()
    assert child.end(20.0) == -signal.SIGTERM
    assert child.ending == "signal 15"


def test_one_that_does_not_listen_is_killed_in_time_and_attended_until_then(start: Start):
    child = start(DEAF)
    child.stdout.readline()
    attended: list[float] = []
    begin = time.monotonic()
    assert child.end(0.2, lambda: attended.append(time.monotonic())) == -signal.SIGKILL
    assert 0.2 <= time.monotonic() - begin < 5.0
    assert len(attended) > 5


def test_waiting_has_an_end(start: Start):
    child = start(SLEEP)
    assert child.wait(0.05) is None


def test_what_it_started_is_killed_with_it(start: Start):
    child = start(
        "import subprocess, sys\n"
        f"print(subprocess.Popen([sys.executable, '-P', '-c', {SLEEP!r}]).pid, flush=True)\n{SLEEP}"
    )
    grandchild = int(child.stdout.readline())
    assert child.end_now() == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while is_running(grandchild):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_signals_to_one_that_was_reaped_elsewhere_are_no_error(start: Start):
    child = start("pass")
    os.waitpid(child.pid, 0)
    child.kill()
    child.terminate()
    assert child.exit_code is not None


@pytest.mark.parametrize("own_session", [False, True])
def test_it_has_one_thread_a_group_and_where_asked_a_session_of_its_own(
    start: Start, own_session: bool
):
    code = (
        "import os; me = os.getpid()\n"
        "print(os.environ['OMP_NUM_THREADS'], os.getpgid(0) == me, os.getsid(0) == me)"
    )
    child = start(code, own_session=own_session)
    assert child.stdout.readline() == f"1 True {own_session}\n".encode()


def test_its_environment_may_be_given_whole(start: Start):
    code = "import os; print('HOME' in os.environ, os.environ['SEEN'])"
    assert start(code, environment={"SEEN": "yes"}).stdout.readline() == b"False yes\n"


def test_descriptors_are_passed_on(start: Start):
    reader, writer = os.pipe()
    child = start(f"import os; os.write({writer}, b'through')", pass_fds=[writer])
    os.close(writer)
    child.wait(20)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == b"through"


def test_a_stream_that_is_no_pipe_is_named(start: Start):
    child = start("pass", stdin=None)
    with pytest.raises(ValueError, match="start it with stdin=PIPE"):
        _ = child.stdin


def test_a_command_that_is_not_there_is_an_error():
    with pytest.raises(FileNotFoundError):
        Child(["/no/such/program"])


def test_the_end_of_a_log_is_told_from_where_it_begins(tmp_path: Path):
    log = tmp_path / "log"
    log.write_bytes(b"before\n" + b"one\ntwo\xff\nthree\n\n")
    assert last_lines(log, 2) == ["two�", "three"]
    assert last_lines(log, 9, begin=7) == ["one", "two�", "three"]


def test_ctrl_c_and_a_closed_terminal_are_left_to_the_parent(start: Start):
    child = start(f"from hal.child import leave_terminal_to_parent as leave; leave()\n{SLEEP}")
    child.stdout.readline()
    for number in (signal.SIGINT, signal.SIGHUP):
        os.kill(child.pid, number)
    assert child.wait(0.3) is None
    assert child.end(20.0) == -signal.SIGTERM


def test_it_ends_with_whoever_started_it():
    code = f"from hal.child import end_with_parent as end; assert end()\n{SLEEP}"
    parent_code = (
        "import subprocess, sys\n"
        f"command = [sys.executable, '-P', '-c', {code!r}]\n"
        "child = subprocess.Popen(command, stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); import time; time.sleep(60)\n"
    )
    command = [sys.executable, "-P", "-c", parent_code]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.kill()
    deadline = time.monotonic() + 10
    while is_running(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_parent_that_has_gone_before_is_noticed(start: Start):
    code = "from hal.child import end_with_parent as end; print(end(parent=1), flush=True)"
    assert start(code).stdout.readline() == b"False\n"
