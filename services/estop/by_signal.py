"""The emergency stop that needs no gRPC: SIGUSR1 to the controllers of this user on this machine.

All are signalled before any answer is waited for. A controller answers in its file.
"""

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from services.estop.result import UNCONFIRMED, StopResult, answered
from services.local_daemons import REASON, LocalDaemon, read_daemon, start_time

ANSWER_S = 10.0
REASON_MAX = 200
_POLL_S = 0.002


class _Asked(NamedTuple):
    """A controller that was signalled; `process` is its pidfd, -1 when there is none any more."""

    daemon: LocalDaemon
    process: int


def stop_by_signal(
    daemons: Sequence[LocalDaemon], reason: str, answer_s: float = ANSWER_S
) -> Iterator[StopResult]:
    """Stop them all at once, then yield how each ended, in the order in which they answer.

    Args:
        reason: kept with each fault.
        answer_s: so long an answer is waited for.
    """
    waiting = [_signal(daemon, reason) for daemon in daemons]
    deadline = time.monotonic() + answer_s
    try:
        while waiting:
            late_s = answer_s if time.monotonic() > deadline else 0.0
            for asked in list(waiting):
                result = _result(asked, late_s)
                if result is not None:
                    waiting.remove(asked)
                    _close(asked)
                    yield result
            time.sleep(_POLL_S if waiting else 0.0)
    finally:
        for asked in waiting:
            _close(asked)


def reason_path(daemon_file: Path) -> Path:
    """Where the one who sends the signal may have left a reason for it."""
    return daemon_file.with_suffix(REASON)


def _signal(daemon: LocalDaemon, reason: str) -> _Asked:
    try:
        process = os.pidfd_open(daemon.pid)
    except OSError:
        return _Asked(daemon, -1)
    asked = _Asked(daemon, process)
    if start_time(daemon.pid) != daemon.started:  # looked at while the descriptor holds its place
        _close(asked)
        return _Asked(daemon, -1)
    _leave_reason(daemon, reason)
    with contextlib.suppress(ProcessLookupError):  # it ends just now: `_result` sees it
        signal.pidfd_send_signal(process, signal.SIGUSR1)
    return asked


def _leave_reason(daemon: LocalDaemon, reason: str) -> None:
    """A stop goes on without its reason where there is no room for it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(OSError):
        descriptor = os.open(reason_path(daemon.path), flags, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(reason.encode(errors="replace")[: 4 * REASON_MAX])


def _result(asked: _Asked, late_s: float) -> StopResult | None:
    daemon, process = asked
    now = read_daemon(daemon.path) if process >= 0 else None
    if now is not None and now.stops > daemon.stops:
        return _answer_of(daemon, now.answer)
    if process < 0 or select.select([process], [], [], 0)[0]:
        return _failure(
            daemon, f"process {daemon.pid} has ended: cut the power unless its robot is at rest"
        )
    if late_s:
        return _failure(
            daemon,
            f"process {daemon.pid} got the signal and did not answer in {late_s:g} s: "
            "cut the power",
        )
    return None


def _answer_of(daemon: LocalDaemon, answer: dict[str, Any]) -> StopResult:
    if message := str(answer.get("message", "")):
        return _failure(daemon, message)._replace(lifecycle=str(answer.get("lifecycle", "")))
    try:
        lifecycle, latency_ms = str(answer["lifecycle"]), float(answer["latency_ms"])
        unconfirmed = tuple(str(joint) for joint in answer["torque_off_failed"])
    except (KeyError, TypeError, ValueError):
        return _failure(
            daemon,
            f"process {daemon.pid} answered what this version cannot read: cut the power",
        )
    return answered(daemon.name, daemon.address, lifecycle, latency_ms, unconfirmed)


def _failure(daemon: LocalDaemon, message: str) -> StopResult:
    return StopResult(
        daemon.name, daemon.address, code="FAULT", reason=UNCONFIRMED, message=message
    )


def _close(asked: _Asked) -> None:
    if asked.process >= 0:
        os.close(asked.process)
