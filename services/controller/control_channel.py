"""The service process's end of the control process: starts it, commands it, drains what it made.

Everything here returns at once except `start`, `call` and `close`; while those wait they keep the
service heartbeat alive. One thread uses a channel; only `heartbeat`, `set_lease` and
`request_estop`, single stores to words of their own, may be called from any.
"""

import json
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Any, Self, TypeVar

from hal.child import PIPE, Child, module_command
from hal.errors import ReasonedError
from mbctl.policies.snapshot import Snapshot, pack_snapshot, policy_alone
from services.controller.control.settings import ControlSettings
from services.controller.planner.host import PlanEnds
from services.ipc.byte_ring import ByteRing
from services.ipc.cycle_stream import CycleRecord, CycleStream
from services.ipc.policy_slot import PolicySlot
from services.ipc.row_message import RowMessage, decode_row
from services.ipc.segment import SegmentSizes, SharedSegment
from services.ipc.state_board import BoardRecord, StateBoard
from services.ipc.words import SignalWords, Word

Event = dict[str, Any]
Found = TypeVar("Found")

_POLL_S = 0.002


class ControlError(ReasonedError):
    """The control process refused, is gone, or did not answer.

    Its reason is that of the refusal, or one of the channel's own: CONTROL_GONE, CONTROL_SILENT,
    COMMANDS_FULL.
    """

    shows_reason = True


@dataclass(frozen=True, slots=True)
class Drained:
    """What the control process made since the last drain.

    Attributes:
        rows: oldest first. When `events` tells of a finished episode, all its rows are in here or
            were in an earlier one.
        events: oldest first; each has a "type".
        cycles: oldest first, where they are wanted; some may be lost.
    """

    rows: list[RowMessage]
    events: list[Event]
    cycles: list[CycleRecord] = field(default_factory=list)


class ControlChannel:
    """One control process and the memory shared with it.

    Args:
        settings: what it is told.
        sizes: of the shared memory; see SegmentSizes.
        with_cycles: somebody looks on: the loop tells of each cycle.
        stderr: where its stderr goes; None inherits.
    """

    def __init__(
        self,
        settings: ControlSettings,
        *,
        sizes: SegmentSizes | None = None,
        with_cycles: bool = False,
        stderr: int | IO[bytes] | None = None,
    ) -> None:
        self.settings = settings
        self._segment = SharedSegment.create(sizes)
        self._plan_fds: list[int] = []
        try:
            for _ in range(2):
                self._plan_fds.append(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
        except OSError:
            self._close_memory()
            raise
        self._words = SignalWords(self._segment.words)
        self._board = StateBoard(self._segment.board)
        self._slot = PolicySlot(self._segment.policy)
        self._commands = ByteRing(self._segment.commands)
        self._events = ByteRing(self._segment.events)
        self._rows = ByteRing(self._segment.rows)
        self._cycles = CycleStream(self._segment.cycles)
        self._words.set(Word.CYCLES_WANTED, int(with_cycles))
        self._kept_rows: list[RowMessage] = []
        self._kept_events: deque[Event] = deque()
        self._sent = 0
        self._stderr = stderr
        self._is_unwanted = False
        self._process: Child | None = None

    @property
    def pid(self) -> int | None:
        """Process id, once started."""
        return None if self._process is None else self._process.pid

    @property
    def descriptor(self) -> int:
        """Of the shared memory file."""
        return self._segment.descriptor

    @property
    def exit_code(self) -> int | None:
        """None while it runs; see services.controller.control.exit_codes."""
        return None if self._process is None else self._process.exit_code

    def start(self, timeout_s: float = 30.0) -> Event:
        """Start the process; return its "started" event.

        Raises:
            ControlError: the reason it gave for not starting, CONTROL_GONE or CONTROL_SILENT.
        """
        self.heartbeat()
        fds = [str(descriptor) for descriptor in (self.descriptor, *self._plan_fds)]
        self._process = Child(
            module_command("services.controller.control", "--fd", fds[0], "--plan-fds", *fds[1:]),
            stdin=PIPE,
            stderr=self._stderr,
            pass_fds=[self.descriptor, *self._plan_fds],
            own_session=True,  # a terminal that closes must not end it before its robot rests
        )
        if self._is_unwanted:
            self._process.terminate()
        self._write_stdin(self.settings.model_dump_json().encode() + b"\n")
        event = self._wait_for(self._take_event("started", "start_failed"), "start", timeout_s)
        if event["type"] == "start_failed":
            self._process.wait()
            raise ControlError(event["message"], reason=event["reason"])
        return event

    def send(self, verb: str, **arguments: Any) -> str:
        """Send a command; return its id, which the "reply" event will carry.

        Raises:
            ControlError: CONTROL_GONE, or COMMANDS_FULL when it takes none from the ring.
        """
        self._sent += 1
        command_id = f"c{self._sent}"
        message = {"id": command_id, "verb": verb, **arguments}
        if not self._commands.try_push(json.dumps(message).encode()):
            raise ControlError(f"no room for '{verb}' in the command ring", reason="COMMANDS_FULL")
        self._write_stdin(b"\n")  # wakes a lockstep loop at once
        return command_id

    def call(self, verb: str, timeout_s: float = 10.0, **arguments: Any) -> Event:
        """Send a command and wait for its reply; what else arrives is kept for `drain`.

        Raises:
            ControlError: the reason of a refusal, CONTROL_GONE or CONTROL_SILENT.
        """
        command_id = self.send(verb, **arguments)
        reply = self._wait_for(self._take_reply(command_id), verb, timeout_s)
        if not reply["ok"]:
            raise ControlError(reply["message"], reason=reply["reason"])
        return reply

    def drain(self) -> Drained:
        """Everything that arrived; works after the process is gone, too.

        Raises:
            RingCorruptError: the shared memory was overwritten.
        """
        self._receive()
        drained = Drained(self._kept_rows, list(self._kept_events), self._cycles.take())
        self._kept_rows = []
        self._kept_events.clear()
        return drained

    def publish_policy(self, snapshot: Snapshot, *, at_step: bool = False) -> int:
        """Hand over a checked snapshot; a "policy_swapped" event follows when it is in use.

        Returns:
            Its generation in the slot, which that event, or a "policy_refused" one, carries.

        Raises:
            ValueError: it is larger than the slot.
        """
        return self._slot.publish(pack_snapshot(policy_alone(snapshot)), at_step=at_step)

    def plan_ends(self) -> PlanEnds:
        """Copies of the descriptors that a planner process needs."""
        return PlanEnds(*(os.dup(fd) for fd in (self.descriptor, *self._plan_fds)))

    def board(self) -> BoardRecord | None:
        """The newest state; None before the first."""
        return self._board.read()

    def word(self, word: Word) -> int:
        """Read any word."""
        return self._words.get(word)

    def heartbeat(self) -> None:
        """Say that the service process lives; due well within settings.service_timeout_s."""
        self._words.set(Word.SERVICE_HEARTBEAT_NS, time.monotonic_ns())

    def set_lease(self, deadline_ns: int) -> None:
        """Allow commanding until `deadline_ns` on CLOCK_MONOTONIC; 0 allows none."""
        self._words.set(Word.LEASE_DEADLINE_NS, deadline_ns)

    def request_estop(self) -> int:
        """Ask for an emergency stop; it is done once Word.ESTOP_DONE reaches what this returns."""
        request = self._words.get(Word.ESTOP_REQUESTED) + 1
        self._words.set(Word.ESTOP_REQUESTED, request)
        return request

    def terminate(self) -> None:
        """Have the process stop the robot and end; returns at once. From any thread."""
        self._is_unwanted = True
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """End the process at once; one that has ended by itself meanwhile is as well. From any
        thread."""
        if self._process is not None:
            self._process.kill()

    def close(self, timeout_s: float = 5.0) -> int | None:
        """Stop the robot and the process, by force after `timeout_s`; return its exit code.

        What it made before it ended can still be drained.
        """
        process = self._process
        if process is None:
            return None
        code = process.end(timeout_s, self._attend)
        process.close()
        self._receive()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        self._close_memory()

    def _close_memory(self) -> None:
        self._segment.close()
        while self._plan_fds:
            os.close(self._plan_fds.pop())

    def _attend(self) -> None:
        self.heartbeat()
        self._receive()  # a full ring would keep the process waiting

    def _write_stdin(self, data: bytes) -> None:
        if self._process is None or not self._process.write(data):
            raise self._gone()

    def _gone(self) -> ControlError:
        process = self._process
        how = "was never started" if process is None else f"has ended: {process.ending}"
        return ControlError(f"the control process {how}", reason="CONTROL_GONE")

    def _receive(self) -> None:
        # Events before rows: an event that tells of a row was pushed after that row.
        self._kept_events.extend(json.loads(data) for data in self._events.drain())
        self._kept_rows.extend(decode_row(data) for data in self._rows.drain())

    def _take_event(self, *types: str) -> Callable[[], Event | None]:
        return lambda: self._take(lambda event: event["type"] in types)

    def _take_reply(self, command_id: str) -> Callable[[], Event | None]:
        return lambda: self._take(lambda event: event.get("id") == command_id)

    def _take(self, wanted: Callable[[Event], bool]) -> Event | None:
        for event in self._kept_events:
            if wanted(event):
                self._kept_events.remove(event)
                return event
        return None

    def _wait_for(self, take: Callable[[], Found | None], what: str, timeout_s: float) -> Found:
        deadline = time.monotonic() + timeout_s
        while True:
            self.heartbeat()
            gone = self.exit_code is not None
            self._receive()
            found = take()
            if found is not None:
                return found
            if gone:
                raise self._gone()
            if time.monotonic() > deadline:
                raise ControlError(
                    f"no answer to '{what}' in {timeout_s} s", reason="CONTROL_SILENT"
                )
            time.sleep(_POLL_S)
