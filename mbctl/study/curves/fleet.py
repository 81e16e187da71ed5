"""Runs in processes, a few at a time; what one of them meets leaves the others alone."""

import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hal.child import PIPE, Child, last_lines, module_command
from mbctl.config import ConfigError
from mbctl.study.curves.plan import RunPlan
from mbctl.study.curves.run_files import begin_run, is_finished

LOG_FILE = "log.txt"
_LOG_TAIL = 3  # lines


@dataclass(frozen=True)
class Failure:
    """A run that did not reach its end, and the last that its process said."""

    plan: RunPlan
    message: str


class Fleet:
    """Runs the unfinished ones of `plans`, each in its directory under `out`.

    Args:
        processes: at a time.
        note: is told a line at each evaluation, start and end.
    """

    def __init__(
        self, plans: Sequence[RunPlan], out: Path, processes: int, note: Callable[[str], None]
    ) -> None:
        self._plans, self._out, self._note = plans, out, note
        self._processes = processes
        self._children: dict[int, Child] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._done = 0

    def run(self) -> list[Failure]:
        """Until all have ended; a KeyboardInterrupt kills them, and they can be gone on with.

        Raises:
            RunFilesError: a directory holds another run.
        """
        waiting = [
            plan for plan in self._plans if not is_finished(self._out / plan.directory, plan)
        ]
        self._done = len(self._plans) - len(waiting)
        if self._done:
            self._note(f"{self._done} of {len(self._plans)} runs are finished already")
        for plan in waiting:
            begin_run(self._out / plan.directory, plan)
        pool = ThreadPoolExecutor(max(1, self._processes))
        try:
            return [found for found in pool.map(self._run, waiting) if found is not None]
        except BaseException:
            self._kill()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _run(self, plan: RunPlan) -> Failure | None:
        directory = self._out / plan.directory
        with (directory / LOG_FILE).open("ab") as log:
            begin = log.tell()
            child = self._start(directory, log)
        if child is None:
            return None
        self._note(f"{plan.title}: begins")
        with contextlib.closing(child):
            told: Any = None
            for line in child.stdout:
                told = self._tell(plan, json.loads(line), told)
            code = child.wait()
        with self._lock:
            self._children.pop(child.pid, None)
            self._done += code == 0
        if code == 0:
            self._note(f"{plan.title}: finished, {self._done} of {len(self._plans)} runs are")
            return None
        failure = Failure(plan, f"{child.ending}: {_tail(directory / LOG_FILE, begin)}")
        if not self._stopping:
            self._note(f"{plan.title}: {failure.message}")
        return failure

    def _start(self, directory: Path, log: Any) -> Child | None:
        """A run's process; None when all are to stop."""
        module = "mbctl.study.curves.process"
        command = module_command(module, str(directory), str(os.getpid()))
        with self._lock:
            if self._stopping:
                return None
            child = Child(command, stdout=PIPE, stderr=log)
            self._children[child.pid] = child
        return child

    def _tell(self, plan: RunPlan, line: dict[str, Any], before: Any) -> Any:
        """Pass on a new evaluation; returns the newest."""
        point = line["point"]
        if point is not None and point != before:
            budget = plan.rhythm.samples
            self._note(
                f"{plan.title}: {point['samples']} of {budget} samples, "
                f"success {point['success']:.0%}, return {point['return_mean']:.1f}, "
                f"{point['wall_s']:.0f} s"
            )
        return point

    def _kill(self) -> None:
        with self._lock:
            self._stopping = True
            for child in self._children.values():
                child.kill()


def _tail(log: Path, begin: int) -> str:
    """The last that was said behind byte `begin`."""
    return " / ".join(last_lines(log, _LOG_TAIL, begin)) or "it said nothing"


def make_out_folder(path: Path) -> None:
    """Make the folder, if it is not there, and see whether it can be written to.

    Raises:
        ConfigError: it cannot.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ConfigError(
            f"--out {str(path)!r}: {error.strerror or error}; expected a folder that can be written"
        ) from error
