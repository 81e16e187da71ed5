"""Processes that this one starts: how they start, what they are told, and how they end.

The side that starts one uses `Child`. The side that is started calls `leave_terminal_to_parent`
and, where it must not outlive whoever started it, `end_with_parent`.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

PIPE = subprocess.PIPE
DISCARD = subprocess.DEVNULL
# Two OpenMP threads on a shared processor collapse to a tenth of the speed of one.
ONE_THREAD: Mapping[str, str] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)
_POLL_S = 0.002
_PR_SET_PDEATHSIG = 1

Stream = int | IO[bytes] | None


def module_command(module: str, *arguments: str) -> list[str]:
    """The command line of a child process that runs `module` with this interpreter.

    The working directory is left off its import path: a `select.py` or `sim.py` there would be
    imported in place of the standard library's or ours; `mbctl` itself does so in its `__main__`.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


class Child:
    """A process that this one started, in a process group of its own.

    The group keeps Ctrl-C of a terminal from it, and `kill` ends it as a whole. All methods but
    `wait`, `end`, `end_now` and `write` return at once; `terminate` and `kill` may be called from
    any thread and raise nothing.

    Args:
        command: see `module_command`.
        stdin, stdout, stderr: `PIPE`, `DISCARD`, an open file or descriptor; None inherits.
        pass_fds: descriptors that it inherits under the same numbers.
        environment: all of its variables; by default this process's, with `ONE_THREAD`.
        own_session: it also survives the end of this process's terminal. Its niceness then counts
            within the session alone where the kernel shares processors among sessions.

    Raises:
        OSError: it cannot be started, such as for want of a descriptor.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdin: Stream = DISCARD,
        stdout: Stream = None,
        stderr: Stream = None,
        pass_fds: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
        own_session: bool = False,
    ) -> None:
        self._process = subprocess.Popen(
            command,
            bufsize=0,  # what an ended process did not take is not kept to fail once more
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=pass_fds,
            env={**os.environ, **ONE_THREAD} if environment is None else environment,
            start_new_session=own_session,
            process_group=None if own_session else 0,
        )

    @property
    def pid(self) -> int:
        """Process id, also once it has ended."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the number of the signal that ended it."""
        return self._process.poll()

    @property
    def ending(self) -> str:
        """How it ended, in words: "exit code 3", "signal 9"; "still running"."""
        code = self.exit_code
        return "still running" if code is None else ending_of(code)

    @property
    def stdin(self) -> IO[bytes]:
        """Its standard input; only with `PIPE`."""
        return _piped(self._process.stdin, "stdin")

    @property
    def stdout(self) -> IO[bytes]:
        """Its standard output; only with `PIPE`."""
        return _piped(self._process.stdout, "stdout")

    @property
    def stderr(self) -> IO[bytes]:
        """Its standard error; only with `PIPE`."""
        return _piped(self._process.stderr, "stderr")

    def write(self, data: bytes) -> bool:
        """Give it `data` on stdin; False when it has ended. Waits while the pipe is full."""
        if self.exit_code is not None:
            return False
        left = memoryview(data)
        try:
            while left:
                left = left[self.stdin.write(left) :]
        except BrokenPipeError:
            return False
        return True

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""
        self._process.terminate()

    def kill(self) -> None:
        """End it and its process group at once (SIGKILL)."""
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):  # it has been reaped meanwhile
                os.killpg(self.pid, signal.SIGKILL)

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Its exit code once it has ended; None when it has not within `timeout_s`."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def end(self, timeout_s: float, meanwhile: Callable[[], None] | None = None) -> int:
        """Ask it to end, kill it after `timeout_s`, and return its exit code. Repeatable.

        Args:
            meanwhile: is called every 2 ms while it ends.
        """
        self.terminate()
        if meanwhile is None:
            self.wait(timeout_s)
        else:
            deadline = time.monotonic() + timeout_s
            while self.exit_code is None and time.monotonic() < deadline:
                meanwhile()
                time.sleep(_POLL_S)
        return self.end_now()

    def end_now(self) -> int:
        """Kill it if it has not ended; its exit code. Repeatable."""
        self.kill()
        return self._process.wait()

    def close(self) -> None:
        """Close this side's ends of its pipes. Repeatable."""
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


def ending_of(code: int) -> str:
    """What an exit code says, in words: "exit code 3"; "signal 9" for -9."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def last_lines(log: Path, count: int, begin: int = 0) -> list[str]:
    """The last `count` lines of a file that a process writes to, behind byte `begin`.

    Raises:
        OSError: it cannot be read.
    """
    written = log.read_bytes()[begin:].decode(errors="replace")
    return written.strip().splitlines()[-count:]


def leave_terminal_to_parent() -> None:
    """Ignore Ctrl-C and a closed terminal: the process that started this one answers to them."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def end_with_parent(number: signal.Signals = signal.SIGKILL, parent: int = 0) -> bool:
    """Have the kernel send `number` to this process when the one that started it ends.

    Args:
        parent: process id of the one that started this, if known.

    Returns:
        False when `parent` had ended before the kernel was told; then no signal will come.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(number), 0, 0, 0)
    return parent in (0, os.getppid())


def _piped(stream: IO[bytes] | None, name: str) -> IO[bytes]:
    if stream is None:
        raise ValueError(f"{name} of this process is no pipe: start it with {name}=PIPE")
    return stream
