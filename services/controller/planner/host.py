"""Starts the planner process while the policy in use wants one, and again when it dies or hangs."""

import asyncio
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from hal.child import PIPE, Child, module_command
from mbctl.policies.snapshot import Snapshot
from services.backoff import Backoff
from services.controller.planner.messages import PlannerTask, UseVersion
from services.ipc.segment import SharedSegment
from services.ipc.words import SignalWords, Word

LOOK_S = 0.1
FIRST_S, MAX_S = 0.2, 10.0
START_S = 180.0  # importing torch on a busy machine
STEADY_S = 10.0  # a process that lived so long starts the back-off over
SILENCE_WALL_S = 10.0  # the policy acts meanwhile; a new process would import torch first
SILENCE_LOCKSTEP_S = 60.0  # plans without a deadline may be long
FRESH_S = 1.0  # a heartbeat not older than this is that of a live process

log = structlog.get_logger()


@dataclass(frozen=True)
class PlanEnds:
    """Descriptors of one control process's exchange, which whoever holds this closes."""

    segment: int
    asked: int
    made: int

    @property
    def all(self) -> tuple[int, int, int]:
        return self.segment, self.asked, self.made

    def close(self) -> None:
        for descriptor in self.all:
            os.close(descriptor)


@dataclass(frozen=True)
class PlannerState:
    """For the status.

    Attributes:
        is_wanted: the version in the policy slot has a planner.
        is_alive: the process runs and is not stuck.
        version: that it was told of last.
        restarts: times it had to be started again.
        error: why it is not there, as long as it is not.
    """

    is_wanted: bool = False
    is_alive: bool = False
    version: int = 0
    restarts: int = 0
    error: str = ""


class PlannerHost:
    """Owns the planner process; everything here runs in the event loop.

    Args:
        told: the task.
        path_of: the directory of a version on this machine.
        is_lockstep: plans have no deadline.
    """

    def __init__(
        self, told: PlannerTask, path_of: Callable[[int], Path], *, is_lockstep: bool
    ) -> None:
        self._told = told
        self._path_of = path_of
        self._silence_s = SILENCE_LOCKSTEP_S if is_lockstep else SILENCE_WALL_S
        self._fresh_s = SILENCE_LOCKSTEP_S if is_lockstep else FRESH_S
        self._ends: PlanEnds | None = None
        self._segment: SharedSegment | None = None
        self._words: SignalWords | None = None
        self._wanted: UseVersion | None = None
        self._process: Child | None = None
        self._backoff = Backoff(random.Random(), FIRST_S, MAX_S)  # jitter alone
        self._started_s = self._not_before_s = 0.0
        self._restarts = 0
        self._error = ""

    def attach(self, ends: PlanEnds) -> None:
        """A control process has started; a planner is to answer it."""
        self.detach()
        self._ends = ends
        self._segment = SharedSegment.attach(os.dup(ends.segment))
        self._words = SignalWords(self._segment.words)
        self._not_before_s = 0.0
        self._look()

    def detach(self) -> None:
        """The control process has gone, and its planner with it."""
        self._end()
        if self._ends is not None:
            self._ends.close()
        if self._segment is not None:
            self._segment.close()
        self._ends = self._words = self._segment = None

    def want(self, snapshot: Snapshot) -> None:
        """This version is in the policy slot now."""
        manifest = snapshot.manifest
        if manifest.policy.planner is None:
            self._wanted = None
            return
        path = self._path_of(manifest.version).absolute()
        self._wanted = UseVersion(
            version=manifest.version, path=path, weights_sha256=manifest.weights_sha256
        )
        if self._process is not None:
            self._process.write(self._wanted.line())  # a successor is told again
        else:
            self._look()

    def state(self) -> PlannerState:
        """As it is now."""
        wanted = self._wanted
        return PlannerState(
            is_wanted=wanted is not None,
            is_alive=self._is_alive(),
            version=0 if wanted is None else wanted.version,
            restarts=self._restarts,
            error=self._error or self._silence(),
        )

    async def run(self) -> None:
        """Look after it for ever."""
        while True:
            self._look()
            await asyncio.sleep(LOOK_S)

    async def stop(self) -> None:
        """End it; nothing is started any more."""
        self._wanted = None
        self.detach()

    def _look(self) -> None:
        if self._wanted is None or self._ends is None:
            self._end()
            return
        now_s = time.monotonic()
        process = self._process
        if process is None:
            if now_s >= self._not_before_s:
                self._start(self._ends, self._wanted)
            return
        self._kill_if_silent(process, now_s)
        if process.exit_code is not None:
            self._take_death(process, now_s)
        elif self._is_alive():
            self._error = ""
            if now_s - self._started_s > STEADY_S:
                self._backoff.succeed()

    def _start(self, ends: PlanEnds, wanted: UseVersion) -> None:
        words = self._words
        if words is not None:
            words.set(Word.PLANNER_HEARTBEAT_NS, 0)  # the process that wrote it has gone
        fds = [str(descriptor) for descriptor in ends.all]
        command = module_command(
            "services.controller.planner", "--fd", fds[0], "--plan-fds", *fds[1:]
        )
        try:
            self._process = Child(command, stdin=PIPE, pass_fds=ends.all)
        except OSError as error:  # such as no free descriptor: the robot goes on without
            self._error = f"the planner process cannot be started: {error}"
            self._not_before_s = time.monotonic() + self._backoff.next_s()
            return
        self._started_s = time.monotonic()
        self._process.write(self._told.model_dump_json().encode() + b"\n" + wanted.line())
        log.info("planner_started", pid=self._process.pid, version=wanted.version)

    def _is_alive(self) -> bool:
        if self._process is None or self._words is None:
            return False
        heard_ns = self._words.get(Word.PLANNER_HEARTBEAT_NS)
        age_s = (time.monotonic_ns() - heard_ns) / 1e9
        return heard_ns > 0 and age_s <= self._fresh_s

    def _silence(self) -> str:
        heard_ns = 0 if self._words is None else self._words.get(Word.PLANNER_HEARTBEAT_NS)
        if heard_ns == 0 or self._is_alive():
            return ""
        return f"no sign of life for {(time.monotonic_ns() - heard_ns) / 1e9:.1f} s"

    def _kill_if_silent(self, process: Child, now_s: float) -> None:
        if self._words is None or self._is_alive():
            return
        heard_ns = self._words.get(Word.PLANNER_HEARTBEAT_NS)
        limit_s = self._silence_s if heard_ns else START_S
        silence_s = now_s - (heard_ns / 1e9 if heard_ns else self._started_s)
        if silence_s > limit_s:
            self._error = f"it stood still for {silence_s:.1f} s and was killed"
            process.end_now()

    def _take_death(self, process: Child, now_s: float) -> None:
        self._process = None
        process.close()
        pause_s = self._backoff.next_s()
        self._not_before_s = now_s + pause_s
        self._restarts += 1
        why = process.ending + (f", {self._error}" if self._error else "")
        self._error = f"the planner process ended ({why})"
        if self._words is not None:
            self._words.set(Word.PLANNER_DEATHS, self._words.get(Word.PLANNER_DEATHS) + 1)
        log.warning("planner_died", code=process.exit_code, why=why, again_in_s=round(pause_s, 2))

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.end_now()  # it has nothing to lose, and may be in the midst of a plan
        process.close()
