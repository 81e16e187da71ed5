"""A daemon as a child process: its log, its health, its end."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from hal.child import Child, last_lines, module_command
from hal.errors import ReasonedError
from mbctl.data.private_files import open_private

LOG_TAIL_LINES = 15
STOP_S = 40.0  # a daemon that takes too long ends by itself before


class DaemonDiedError(ReasonedError):
    """A daemon ended by itself; the message ends with the last lines of its log.

    Attributes:
        exit_code: its own; negative for a signal, None while it lives but does not answer.
    """

    reason = "DAEMON_DIED"

    def __init__(self, message: str, exit_code: int | None) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Watched(Protocol):
    """A process that a run needs."""

    def check(self) -> None:
        """Raise DaemonDiedError if it has ended."""
        ...


class DaemonProcess:
    """`python -m mbctl NAME --config FILE` in a session of its own, for the length of a block."""

    def __init__(self, name: str, config: Path, log: Path) -> None:
        self.name = name
        self._log = log
        # The daemon asks the kernel for a signal when we go, so that none is ever left behind.
        parent = ["--parent", str(os.getpid())]
        options = ["--config", str(config), "--log-file", str(log), *parent]
        self._command = module_command("mbctl", name, *options)
        self._process: Child | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def __enter__(self) -> Self:
        # What MBCTL_* variables said is in the configuration file already.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MBCTL_")}
        descriptor = open_private(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        with os.fdopen(descriptor, "ab") as log:
            self._process = Child(
                self._command, stdout=log, stderr=log, environment=environment, own_session=True
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            DaemonDiedError: with exit code and log tail.
        """
        process = self._process
        if process is not None and process.exit_code is not None:
            raise DaemonDiedError(
                f"the {self.name} ended with {process.ending}; the end of {self._log}:\n"
                f"{self.log_tail()}",
                process.exit_code,
            )

    def wait_serving(
        self,
        is_serving: Callable[[], bool],
        timeout_s: float,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """Wait until it answers; `meanwhile` is called again and again, and may raise.

        Raises:
            DaemonDiedError: it ended, or does not answer in time.
        """
        end = deadline = time.monotonic()
        end += timeout_s
        while not is_serving():
            meanwhile()
            self.check()
            deadline += 0.1
            if deadline > end:
                raise DaemonDiedError(
                    f"the {self.name} does not serve after {timeout_s:g} s; the end of "
                    f"{self._log}:\n{self.log_tail()}",
                    None,
                )
            time.sleep(max(0.0, deadline - time.monotonic()))

    def log_tail(self) -> str:
        """The last lines it wrote."""
        return "\n".join(last_lines(self._log, LOG_TAIL_LINES))

    def stop(self, timeout_s: float = STOP_S) -> None:
        """End it: ask, wait, and kill it with all its children if it does not listen."""
        if self._process is not None:
            self._process.end(timeout_s)
