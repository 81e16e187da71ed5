"""Times pieces of single-threaded work against each other on a machine that has other work, too."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Medians over rounds, seconds.

    Attributes:
        cpu_s: processor time: what the work costs, whoever else wants the core.
        wall_s: what it took in this run.
    """

    cpu_s: float
    wall_s: float


def time_interleaved(
    cases: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 1
) -> dict[str, Timing]:
    """Run each case once a round, in turn, so that a change of the machine's mood hits all alike.

    Raises:
        ValueError: fewer than one round.
    """
    if rounds < 1:
        raise ValueError(f"{rounds} rounds, expected at least 1")
    for _ in range(warm_up):
        for work in cases.values():
            work()
    taken: dict[str, list[Timing]] = {name: [] for name in cases}
    gc.collect()
    for _ in range(rounds):
        for name, work in cases.items():
            taken[name].append(_time(work))
    return {
        name: Timing(
            statistics.median(timing.cpu_s for timing in timings),
            statistics.median(timing.wall_s for timing in timings),
        )
        for name, timings in taken.items()
    }


def _time(work: Callable[[], object]) -> Timing:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Timing(time.process_time() - cpu, time.perf_counter() - wall)
