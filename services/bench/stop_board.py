"""Looks at a control process from outside, through the memory that it shares with its service."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from hal.lifecycle import Lifecycle
from services.ipc.segment import SharedSegment
from services.ipc.state_board import StateBoard

_POLL_S = 0.001


@contextlib.contextmanager
def board_of(control_pid: int) -> Iterator[StateBoard]:
    """The state board of a control process, which outlives the service process in the block.

    Raises:
        OSError: there is no such process.
    """
    words = Path(f"/proc/{control_pid}/cmdline").read_text().split("\0")
    descriptor = words[words.index("--fd") + 1]
    inherited = os.open(f"/proc/{control_pid}/fd/{descriptor}", os.O_RDWR)
    with SharedSegment.attach(inherited) as segment:
        board = StateBoard(segment.board)
        yield board
        del board


def left_active_ns(board: StateBoard, timeout_s: float) -> int | None:
    """CLOCK_MONOTONIC when the policy commanded no more; None for not within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        record = board.read()
        if record is not None and record.lifecycle != Lifecycle.ACTIVE:
            return time.monotonic_ns()
        time.sleep(_POLL_S)
    return None
