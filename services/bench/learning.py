"""What a learner does all day, for as long as asked: PAL's refits and improvements, nothing saved.

`python -m services.bench.learning` is such a learner as a process, at the trainer's niceness. It
says on stdout when it has begun, and learns until it is killed; the kernel does so when the
benchmark ends.
"""

import os
import sys
import time

from hal.child import end_with_parent
from mbctl.algorithms.algorithm import Cancelled, Metrics
from mbctl.config.check import read_preset
from mbctl.tasks.task import Task
from services.trainer.learner_process import NICENESS

TASK = "dclaw-turn-random"
LEARNING = b"learning\n"
_EPISODES = 10  # really simulated; the rest of the replay repeats them


class EndlessLearner:
    """PAL with its preset on a full replay. Importing torch is left to the constructor."""

    def __init__(self, task: Task) -> None:
        from mbctl.algorithms.registry import build_algorithm
        from mbctl.nn.torch_set_up import set_up_torch
        from services.bench.rows import fill_replay, simulated_rows

        set_up_torch()
        settings = read_preset("pal", "default")
        self._algorithm = build_algorithm("pal", settings, task, seed=0)
        rows = simulated_rows(task, int(settings["buffer_rows"]), _EPISODES)
        self._replay = fill_replay(task, rows)
        self._deadline = float("inf")
        self.moves = 0

    def learn(self, seconds: float = float("inf")) -> None:
        """Refit and improve, over and over, until the time is up; a move is broken off then."""
        self._deadline = time.monotonic() + seconds
        try:
            while True:
                self._algorithm.refit(self._replay, self._progress)
                self._algorithm.improve(self._replay, self._progress)
                self.moves += 1
        except Cancelled:
            return

    def _progress(self, phase: str, fraction: float, values: Metrics) -> None:
        if time.monotonic() >= self._deadline:
            raise Cancelled("the time is up")


def main() -> int:
    """Learn until killed."""
    os.nice(NICENESS)
    end_with_parent()
    from mbctl.tasks.registry import make_task

    learner = EndlessLearner(make_task(TASK))
    sys.stdout.buffer.write(LEARNING)
    sys.stdout.buffer.flush()
    learner.learn()
    return 0


if __name__ == "__main__":
    sys.exit(main())
