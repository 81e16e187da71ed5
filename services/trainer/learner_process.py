"""The learner as a process of its own: torch, one thread, nice 10, JSON lines on its stdio.

It ends at once when its stdin does, so that it never outlives the service process; whatever it was
doing then is as if it had been killed, which every file it writes is made for.
"""

import os
import queue
import sys
import threading
from typing import BinaryIO

from hal.child import end_with_parent, leave_terminal_to_parent
from hal.stdio import never_wait_for_readers
from mbctl import exit_codes
from mbctl.config import LearnerConfig
from mbctl.data.lock import hold_lock
from mbctl.data.replay_feed import MissingRowsError
from mbctl.data.sqlite import StoreCorruptError, StoreForeignError
from services.trainer.messages import (
    CancelCommand,
    CancelledReport,
    RefitCommand,
    Refused,
    parse_command,
)
from services.trainer.paths import LEARNER_LOCK_FILE

NICENESS = 10
LOCK_WAIT_S = 20.0  # for a predecessor that is ending on a busy machine
_DATABASE_ERRORS = (MissingRowsError, StoreCorruptError, StoreForeignError)


class Inbox:
    """Commands from the service process, read by a thread while the learner computes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._cancelled = 0
        self.refits: queue.SimpleQueue[RefitCommand] = queue.SimpleQueue()

    def start(self) -> None:
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def is_cancelled(self, job: int) -> bool:
        """Whether the job was cancelled."""
        return self._cancelled == job

    def _read(self) -> None:
        for line in self._stream:
            command = parse_command(line)
            if isinstance(command, CancelCommand):
                self._cancelled = command.job
            else:
                self.refits.put(command)
        os._exit(exit_codes.OK)  # the service process has gone


def main(build=None) -> int:
    """Run until stdin ends; returns only when it cannot work.

    Args:
        build: makes the algorithm in place of the registry's `build_algorithm`: the hook by which
            an algorithm from outside this project is run, in a script that calls this function.
    """
    leave_terminal_to_parent()
    output = _claim_stdout()
    never_wait_for_readers()  # afterwards: what is printed goes to what is number 1 by then
    os.nice(NICENESS)
    end_with_parent()
    config = LearnerConfig.model_validate_json(sys.stdin.buffer.readline())
    inbox = Inbox(sys.stdin.buffer)
    inbox.start()
    with hold_lock(config.run_dir / LEARNER_LOCK_FILE, "learner", LOCK_WAIT_S):
        refusal = _learn(config, inbox, output, build)
    output.write(refusal.line())
    return exit_codes.START_UP


def _learn(config: LearnerConfig, inbox: Inbox, output: BinaryIO, build) -> Refused:
    from mbctl.algorithms.algorithm import Cancelled
    from mbctl.nn.device import DeviceError
    from mbctl.nn.torch_set_up import set_up_torch
    from mbctl.policies.manifest import SnapshotError
    from services.trainer.checkpoint import CheckpointError
    from services.trainer.learner import Learner

    set_up_torch()
    if build is None:
        from mbctl.algorithms.registry import build_algorithm as build
    try:
        learner = Learner(
            config, build, lambda report: _write(output, report.line()), inbox.is_cancelled
        )
    except (CheckpointError, DeviceError, SnapshotError, *_DATABASE_ERRORS) as error:
        return Refused(reason=error.reason, message=str(error))
    except ValueError as error:
        return Refused(reason="CONFIG_INVALID", message=str(error))
    _write(output, learner.ready().line())
    while True:
        command = inbox.refits.get()
        try:
            published = learner.refit(command)
        except Cancelled:
            _write(output, CancelledReport(job=command.job).line())
        else:
            _write(output, published.line())


def _write(output: BinaryIO, line: bytes) -> None:
    output.write(line)
    output.flush()


def _claim_stdout() -> BinaryIO:
    """Keep stdout for messages; what anything prints goes to stderr."""
    private = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(private, "wb", buffering=0)


if __name__ == "__main__":
    sys.exit(main())
