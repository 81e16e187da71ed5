"""The planner process: torch; it sleeps until it is asked and never writes to a robot.

It ends when its stdin does, and the kernel kills it with its parent, so it is never left behind.
"""

import argparse
import gc
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hal.child import end_with_parent, leave_terminal_to_parent
from hal.stdio import never_wait_for_readers
from mbctl.tasks.registry import make_task
from services.controller.planner.messages import PlannerTask, UseVersion
from services.ipc.plan_exchange import PlanExchange, calm
from services.ipc.readiness import ready_to_read
from services.ipc.segment import SharedSegment
from services.ipc.words import SignalWords, Word

if TYPE_CHECKING:
    from services.controller.planner.plan_server import PlanServer

BEAT_S = 0.2
_STDIN = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Attach to the segment, read the task from stdin, answer until stdin ends."""
    parser = argparse.ArgumentParser(prog="python -m services.controller.planner")
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the shared memory")
    parser.add_argument("--plan-fds", type=int, nargs=2, required=True, help="its eventfds")
    given = parser.parse_args(arguments)
    leave_terminal_to_parent()
    never_wait_for_readers()
    end_with_parent()
    segment = SharedSegment.attach(given.fd)
    exchange = PlanExchange(segment.plan_requests, segment.plans, *given.plan_fds)
    lines = Lines(_STDIN)
    told = PlannerTask.model_validate_json(lines.first())
    server = _plan_server(told, exchange)
    gc.collect()
    gc.freeze()
    return _run(server, exchange, lines, SignalWords(segment.words))


class Lines:
    """Lines from a descriptor that `select` waits for, without a buffer that hides some."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._rest = b""

    def first(self) -> bytes:
        """Wait for a line; what was there when stdin ended, if none came."""
        while b"\n" not in self._rest:
            data = os.read(self.descriptor, 65_536)
            if not data:
                return self._rest
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def take(self, *, wait: bool = True) -> list[bytes] | None:
        """Whole lines that have come; None when no more will.

        Args:
            wait: read from the descriptor; otherwise only what has been read already.
        """
        if wait:
            data = os.read(self.descriptor, 65_536)
            if not data:
                return None
            self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        return lines


def _plan_server(told: PlannerTask, exchange: PlanExchange) -> "PlanServer":
    from mbctl.nn.torch_set_up import set_up_torch
    from services.controller.planner.plan_server import PlanServer

    set_up_torch()
    task = make_task(told.task.name, told.task.observation)
    return PlanServer(task, exchange, threads=told.threads, device=told.device)


def _run(server: "PlanServer", exchange: PlanExchange, lines: Lines, words: SignalWords) -> int:
    for line in lines.take(wait=False) or []:
        server.use(UseVersion.model_validate_json(line))
    while True:
        words.set(Word.PLANNER_HEARTBEAT_NS, time.monotonic_ns())
        readable = ready_to_read([lines.descriptor, exchange.asked_fd], BEAT_S)
        if lines.descriptor in readable:
            told = lines.take()
            if told is None:
                return 0
            for line in told:
                server.use(UseVersion.model_validate_json(line))
        calm(exchange.asked_fd)
        server.answer_newest()
