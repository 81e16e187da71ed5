"""Drives one client of a servo bus at a fixed rate or as fast as it goes; the limit of the wire."""

import time
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

import numpy as np

from hal.clock import WallClock


class BusClient(Protocol):
    """Something that reads all servos and writes all goals."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def cycle(self) -> bool:
        """One read of all and one write of all; True when every servo's data came fresh."""
        ...


@dataclass(frozen=True, slots=True)
class BusRun:
    """What one run came to.

    Attributes:
        cycles: measured, after the warm-up.
        success_rate: fraction of cycles in which every servo's data came fresh.
        rate_hz: cycles per second, of wall time.
        work_*_us: from the start of a cycle's read to the end of its write.
        lateness_*_us: start of a cycle after its deadline; 0 where there were none.
    """

    cycles: int
    success_rate: float
    rate_hz: float
    work_p50_us: float
    work_p99_us: float
    lateness_p50_us: float
    lateness_p999_us: float

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def drive(client: BusClient, seconds: float, period_s: float | None, warm_up: int = 20) -> BusRun:
    """Run cycles for `seconds`: at absolute deadlines, or without pause when there is no period."""
    for _ in range(warm_up):
        client.cycle()
    clock, period_ns = WallClock(), round((period_s or 0.0) * 1e9)
    begin = deadline = time.monotonic_ns() + period_ns
    end = begin + round(seconds * 1e9)
    late: list[int] = []
    work: list[int] = []
    succeeded = 0
    while deadline < end:
        clock.sleep_until(deadline)
        start = time.monotonic_ns()
        succeeded += client.cycle()
        done = time.monotonic_ns()
        late.append(start - deadline if period_ns else 0)
        work.append(done - start)
        deadline = done if not period_ns else _next(deadline, period_ns, done)
    return _summary(late, work, succeeded, (time.monotonic_ns() - begin) / 1e9)


def _next(deadline: int, period_ns: int, done: int) -> int:
    """The next deadline on the grid; missed ones are skipped."""
    return deadline + (max(0, done - deadline) // period_ns + 1) * period_ns


def _summary(late: list[int], work: list[int], succeeded: int, seconds: float) -> BusRun:
    lateness = np.percentile(late, (50, 99.9)) / 1e3
    worked = np.percentile(work, (50, 99)) / 1e3
    count = len(work)
    return BusRun(count, succeeded / count, count / seconds, *worked.tolist(), *lateness.tolist())


BITS_PER_BYTE = 10  # 8N1
_READ_REQUEST = 14
_STATUS = 11
_FAST_STATUS = 8
_FAST_SERVO = 4
_WRITE_REQUEST = 14


def read_bytes(servos: int, length: int, *, fast: bool = False) -> int:
    """Bytes both ways of one sync read of `length` bytes from each of `servos`."""
    request = _READ_REQUEST + servos
    if fast:
        return request + _FAST_STATUS + servos * (_FAST_SERVO + length)
    return request + servos * (_STATUS + length)


def write_bytes(servos: int, length: int) -> int:
    """Bytes of one sync write of `length` bytes to each of `servos`."""
    return _WRITE_REQUEST + servos * (1 + length)


def rate_limit_hz(
    servos: int, read: int, write: int, baud_rate: int, hold_s: float, *, fast: bool = False
) -> float:
    """Cycles of one sync read and one sync write per second that the wire allows.

    Args:
        read, write: bytes per servo.
        hold_s: how long the adapter holds received bytes back, once a read.
        fast: by fast sync read.
    """
    total = read_bytes(servos, read, fast=fast) + write_bytes(servos, write)
    return 1.0 / (total * BITS_PER_BYTE / baud_rate + hold_s)
