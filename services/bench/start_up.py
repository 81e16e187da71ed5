"""Measures how soon `mbctl --help` answers against `import torch`, both in fresh interpreters."""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from services.bench.report import Figure, Goal

UNDER_A_QUARTER = Goal("at most", 0.25)
_HELP = ("-m", "mbctl", "--help")
_TORCH = ("-c", "import torch")


@dataclass(frozen=True)
class StartUpSizes:
    """How often each command is started."""

    rounds: int = 5


def measure_start_up(sizes: StartUpSizes) -> list[Figure]:
    """Median wall and processor seconds, the two commands taking turns."""
    for command in (_HELP, _TORCH):
        _run(command)  # fills the page cache
    taken = [(_run(_HELP), _run(_TORCH)) for _ in range(sizes.rounds)]
    return [
        Figure(
            f"mbctl --help, {clock} time",
            statistics.median(helped[i] for helped, _ in taken),
            "s",
            "import torch",
            statistics.median(imported[i] for _, imported in taken),
            "value / baseline",
            UNDER_A_QUARTER,
        )
        for i, clock in enumerate(("wall", "processor"))
    ]


def _run(arguments: tuple[str, ...]) -> tuple[float, float]:
    """(wall, processor) seconds of one interpreter.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-P", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, arguments)
    return wall, usage.ru_utime + usage.ru_stime
