"""The loop as the controller runs it: a process of its own, the learner in another at nice 10."""

import contextlib
import subprocess
import time
from collections.abc import Iterator

from hal.child import module_command
from mbctl.tasks.registry import make_task
from services.bench.act import random_policy
from services.bench.learning import LEARNING, TASK
from services.bench.loop_run import BATCH, FOREVER_NS, PERIOD_S, LoopRun, loop_settings, summarise
from services.controller.control_channel import ControlChannel
from services.ipc.row_message import RowMessage
from services.up.cpu_time import cpu_seconds

_SERVICE_PERIOD_S = 0.02  # heartbeat and drain, as the service process does


class LearnerError(Exception):
    """The learner ended or never began."""


def run_in_process(realtime: bool, seconds: float) -> LoopRun:
    """Measure for `seconds`.

    Raises:
        LearnerError: there was nobody learning beside it.
        services.controller.control_channel.ControlError: the control process failed.
    """
    policy = random_policy(make_task(TASK), period_s=PERIOD_S)
    with running_learner() as learner, ControlChannel(loop_settings(realtime)) as channel:
        started = channel.start()
        channel.set_lease(FOREVER_NS)
        channel.publish_policy(policy)
        _serve(channel, 0.1)  # the policy is taken
        channel.call("activate")
        channel.call("run_episodes", **BATCH)
        begin, used = time.monotonic(), cpu_seconds(learner.pid)
        rows = _serve(channel, seconds)
        share = (cpu_seconds(learner.pid) - used) / (time.monotonic() - begin)
        record = channel.board()
        if learner.poll() is not None or record is None:
            raise LearnerError(f"the learner ended with code {learner.returncode}")
        return summarise(record, rows, started["real_time"], share)


def _serve(channel: ControlChannel, seconds: float) -> list[RowMessage]:
    """The service process's part; returns the rows that came."""
    rows: list[RowMessage] = []
    end = deadline = time.monotonic()
    end += seconds
    while deadline < end:
        channel.heartbeat()
        rows += channel.drain().rows
        deadline += _SERVICE_PERIOD_S
        time.sleep(max(0.0, deadline - time.monotonic()))
    return rows


@contextlib.contextmanager
def running_learner() -> Iterator[subprocess.Popen[bytes]]:
    """A process that learns for the length of the block, at the trainer's niceness.

    Raises:
        LearnerError: it did not begin.
    """
    command = module_command("services.bench.learning")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        try:
            said = process.stdout.readline() if process.stdout else b""
            if said != LEARNING:
                raise LearnerError(f"the learner said {said!r}, expected {LEARNING!r}")
            yield process
        finally:
            process.kill()
