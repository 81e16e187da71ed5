"""The baseline: the same control loop as a thread of the process that learns.

Loop and learner have the priorities that they have as processes, so that what is left of the
difference is the interpreter that they share. `python -m services.bench.loop_thread`: a ThreadOrder
as one line on stdin, a LoopRun as the last line on stdout.
"""

import gc
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict

from hal.child import module_command
from hal.realtime import RealTimeReport, apply_realtime
from mbctl.policies.snapshot import pack_snapshot
from services.bench.act import random_policy
from services.bench.learning import EndlessLearner
from services.bench.loop_run import (
    BATCH,
    FOREVER_NS,
    PERIOD_S,
    LoopRun,
    ThreadOrder,
    loop_settings,
    summarise,
)
from services.controller.control.loop import ControlLoop
from services.controller.control.robots import build_robot
from services.controller.control.wiring import build_clock, build_link, build_loop, build_task
from services.ipc.byte_ring import ByteRing
from services.ipc.policy_slot import PolicySlot
from services.ipc.row_message import decode_row
from services.ipc.segment import SharedSegment
from services.ipc.state_board import StateBoard
from services.ipc.words import SignalWords, Word
from services.trainer.learner_process import NICENESS

_START_S = 60.0


def run_in_thread(realtime: bool, seconds: float) -> LoopRun:
    """Measure for `seconds`, in a process of its own.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    order = ThreadOrder(realtime=realtime, seconds=seconds)
    done = subprocess.run(
        module_command("services.bench.loop_thread"),
        input=order.model_dump_json().encode() + b"\n",
        stdout=subprocess.PIPE,
        timeout=seconds + 3 * _START_S,
        check=True,
    )
    return LoopRun.model_validate_json(done.stdout.splitlines()[-1])


class _LoopThread:
    """The loop in a thread; nobody drains it, so all that it makes has to fit its rings."""

    def __init__(self, segment: SharedSegment, realtime: bool) -> None:
        settings = loop_settings(realtime)
        self.task = build_task(settings)
        self._realtime = realtime
        self._report = RealTimeReport(False, False, False, gc_frozen=True)  # as the process
        self._failure: BaseException | None = None
        self._is_up = threading.Event()
        self._words = SignalWords(segment.words)
        self._commands = ByteRing(segment.commands)
        self._rows = ByteRing(segment.rows)
        self._board = StateBoard(segment.board)
        PolicySlot(segment.policy).publish(
            pack_snapshot(random_policy(self.task, period_s=PERIOD_S))
        )
        self._words.set(Word.SERVICE_HEARTBEAT_NS, FOREVER_NS)
        self._words.set(Word.LEASE_DEADLINE_NS, FOREVER_NS)
        clock = build_clock(settings)
        self._robot = build_robot(settings.robot, PERIOD_S, clock)
        self._robot.configure()
        link = build_link(segment, settings, self.task)
        self._loop: ControlLoop = build_loop(settings, self.task, self._robot, clock, link)
        self._thread = threading.Thread(target=self._run, name="control-loop", daemon=True)

    def start(self) -> None:
        for number, command in enumerate(({"verb": "activate"}, {"verb": "run_episodes", **BATCH})):
            self._commands.try_push(json.dumps({"id": f"c{number}", **command}).encode())
        self._thread.start()
        self._is_up.wait(_START_S)

    def stop(self, share: float) -> LoopRun:
        """The run's figures; stops the robot and the loop.

        Raises:
            RuntimeError: the loop failed or showed nothing.
        """
        record = self._board.read()
        rows = [decode_row(data) for data in self._rows.drain()]
        self._loop.terminate()
        self._thread.join(_START_S)
        self._robot.close()
        if self._failure is not None or record is None:
            raise RuntimeError("the control loop failed") from self._failure
        return summarise(record, rows, asdict(self._report), share)

    def _run(self) -> None:
        gc.collect()
        gc.freeze()
        if self._realtime:
            self._report = apply_realtime()
        self._is_up.set()
        try:
            self._loop.run({})
        except BaseException as error:  # noqa: BLE001 - outermost frame of the thread
            self._failure = error


def main() -> int:
    """One run."""
    order = ThreadOrder.model_validate_json(sys.stdin.readline())
    with SharedSegment.create() as segment:
        loop = _LoopThread(segment, order.realtime)
        learner = EndlessLearner(loop.task)
        learner.learn(0.5)
        loop.start()
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)  # this thread alone
        begin, used = time.monotonic(), time.thread_time()
        learner.learn(order.seconds)
        run = loop.stop((time.thread_time() - used) / (time.monotonic() - begin))
    sys.stdout.write(run.model_dump_json() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
