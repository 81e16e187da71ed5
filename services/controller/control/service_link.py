"""The control process's end of everything it shares with the service process."""

import json
import os
import time
from collections import deque
from typing import Any

from hal.errors import ReasonedError
from services.ipc.byte_ring import ByteRing
from services.ipc.cycle_stream import CycleStream
from services.ipc.plan_exchange import PlanExchange
from services.ipc.policy_slot import PolicySlot
from services.ipc.readiness import ready_to_read
from services.ipc.row_message import HEADER_BYTES, RowMessage, encode_row
from services.ipc.segment import SharedSegment
from services.ipc.state_board import StateBoard
from services.ipc.words import SignalWords, Word

Event = dict[str, Any]

EVENT_BACKLOG_MAX = 10_000
BEATS_PER_LOOK = 32  # looking at stdin costs a system call


class EventBacklogError(ReasonedError):
    """The service process has taken no event for so long that the next would be lost."""

    reason = "EVENT_BACKLOG"


class ServiceLink:
    """Commands in; rows, events, state and heartbeat out; and whether anyone is there at all.

    Args:
        segment: the shared memory.
        row_bytes: size of one row.
        service_timeout_s: the service process counts as lost when its heartbeat is older.
        wake_fd: end of a pipe whose other end only the service process holds; bytes on it end
            `rest` early, its closing means that the service process is gone.
        beats_per_look: every so many beats the pipe is looked at.
        plan_fds: eventfds of questions to the planner and of its plans; None: there is none.

    Raises:
        ValueError: the row ring holds fewer than two rows.
    """

    def __init__(
        self,
        segment: SharedSegment,
        row_bytes: int,
        service_timeout_s: float,
        wake_fd: int | None = None,
        beats_per_look: int = BEATS_PER_LOOK,
        plan_fds: tuple[int, int] | None = None,
    ) -> None:
        self._words = SignalWords(segment.words)
        self.cycles = CycleStream(segment.cycles)
        self.board = StateBoard(segment.board)
        self.slot = PolicySlot(segment.policy)
        self.plans = (
            None
            if plan_fds is None
            else PlanExchange(segment.plan_requests, segment.plans, *plan_fds)
        )
        self._commands = ByteRing(segment.commands)
        self._events = ByteRing(segment.events)
        self._rows = ByteRing(segment.rows)
        self._row_slot_bytes = ByteRing.slot_bytes(HEADER_BYTES + row_bytes)
        if self._rows.capacity_bytes < 2 * self._row_slot_bytes:
            raise ValueError(
                f"row ring of {self._rows.capacity_bytes} bytes, must hold two rows of "
                f"{self._row_slot_bytes} bytes"
            )
        self._timeout_ns = round(service_timeout_s * 1e9)
        self._backlog: deque[bytes] = deque()
        self._wake_fd = wake_fd
        self._is_closed = False
        self._beats = 0
        self._beats_per_look = beats_per_look

    @property
    def rows_total(self) -> int:
        """Rows put in the ring so far."""
        return self._rows.pushed

    @property
    def row_room(self) -> int:
        """Rows that fit now."""
        return self._rows.free_bytes // self._row_slot_bytes

    @property
    def are_cycles_wanted(self) -> bool:
        """Whether somebody takes `cycles`."""
        return self._words.get(Word.CYCLES_WANTED) == 1

    @property
    def estop_request(self) -> int:
        """Number of the newest emergency stop asked for."""
        return self._words.get(Word.ESTOP_REQUESTED)

    @property
    def is_estop_due(self) -> bool:
        """Whether an emergency stop was asked for and is not done."""
        return self._words.get(Word.ESTOP_REQUESTED) > self._words.get(Word.ESTOP_DONE)

    @property
    def is_lease_live(self) -> bool:
        """Whether commanding is allowed now."""
        return time.monotonic_ns() < self._words.get(Word.LEASE_DEADLINE_NS)

    def has_just_closed(self) -> bool:
        """Look at the pipe: True when the service process has gone since the last look."""
        if self._wake_fd is None or self._is_closed:
            return False
        self.rest(0.0)
        return self._is_closed

    def beat(self) -> None:
        """Show that the loop runs; send events that found no room before."""
        self._words.set(Word.CONTROL_HEARTBEAT_NS, time.monotonic_ns())
        while self._backlog and self._events.try_push(self._backlog[0]):
            self._backlog.popleft()
        self._beats += 1
        if self._beats % self._beats_per_look == 0:
            self.rest(0.0)

    def why_lost(self) -> str | None:
        """In words, why the service process counts as gone; None while it is there."""
        if self._is_closed:
            return "its pipe is closed"
        age_ns = time.monotonic_ns() - self._words.get(Word.SERVICE_HEARTBEAT_NS)
        if age_ns > self._timeout_ns:
            return f"its heartbeat is {age_ns / 1e9:.3f} s old, limit {self._timeout_ns / 1e9} s"
        return None

    def rest(self, timeout_s: float, also_fd: int | None = None) -> None:
        """Wait in real time for at most `timeout_s`, or until a command may have come.

        Args:
            also_fd: ends it too when it is readable.
        """
        ends = [] if self._wake_fd is None or self._is_closed else [self._wake_fd]
        ends += [] if also_fd is None else [also_fd]
        if not ends:
            time.sleep(timeout_s)
            return
        ready = ready_to_read(ends, timeout_s)
        if self._wake_fd is not None and self._wake_fd in ready:
            self._is_closed = not os.read(self._wake_fd, 4096)

    def planner_deaths(self) -> int:
        """Planner processes that have died so far."""
        return self._words.get(Word.PLANNER_DEATHS)

    def next_command(self) -> bytes | None:
        """The oldest command not taken yet."""
        return self._commands.pop()

    def emit(self, event: Event) -> None:
        """Send an event, later if there is no room now; never out of order.

        Raises:
            EventBacklogError: too many are waiting.
        """
        data = json.dumps({**event, "rows_total": self._rows.pushed}).encode()
        if self._backlog or not self._events.try_push(data):
            if len(self._backlog) >= EVENT_BACKLOG_MAX:
                raise EventBacklogError(f"{len(self._backlog)} events wait for the service process")
            self._backlog.append(data)

    def reply(self, command_id: str, reason: str = "", message: str = "") -> None:
        """Answer a command: refused when there is a reason."""
        self.emit(
            {
                "type": "reply",
                "id": command_id,
                "ok": not reason,
                "reason": reason,
                "message": message,
            }
        )

    def push_row(self, message: RowMessage) -> None:
        """Send a row; the caller has made sure of room before it commanded the robot.

        Raises:
            RuntimeError: there is none.
        """
        if not self._rows.try_push(encode_row(message)):
            raise RuntimeError(f"no room for step {message.step} of {message.episode_id}")
        self._words.set(Word.ROWS_TOTAL, self._rows.pushed)

    def confirm_estop(self, request: int, unconfirmed: int = 0) -> None:
        """Say that torque is off for all requests up to this one.

        Args:
            unconfirmed: joints that did not confirm it, as bits; see services.ipc.words.
        """
        self._words.set(Word.ESTOP_UNCONFIRMED, unconfirmed)
        self._words.set(Word.ESTOP_DONE_NS, time.monotonic_ns())
        self._words.set(Word.ESTOP_DONE, request)

    def confirm_stopped(self) -> None:
        """Say that torque is off and nothing will be written any more."""
        self._words.set(Word.STOPPED, 1)
