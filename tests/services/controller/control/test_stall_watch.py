"""A gap between two contacts is a fault only with torque on, and suspend counts."""

import time

import pytest

from services.controller.control.control_fault import ControlFaultError
from services.controller.control.stall_watch import StallWatch, boot_time_ns

pytestmark = pytest.mark.xdist_group("timing")

MS = 1_000_000


class Now:
    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


def test_a_gap_above_the_limit_is_told_once():
    now = Now()
    watch = StallWatch(0.1, now)
    watch.touched()
    now.ns = 100 * MS
    watch.check()
    now.ns += MS
    with pytest.raises(
        ControlFaultError, match=r"left alone for 0\.101 s .*, limit 0\.1 s"
    ) as told:
        watch.check()
    assert (told.value.reason, told.value.controlled) == ("STATE_STALE", False)
    watch.check()


def test_without_torque_and_without_a_limit_any_gap_is_fine():
    now = Now()
    for watch in (StallWatch(0.1, now), StallWatch(None, now)):
        watch.check()
        now.ns += 10_000 * MS
        watch.check()
        watch.touched()
        watch.forget()
        now.ns += 10_000 * MS
        watch.check()
    boundless = StallWatch(None, now)
    boundless.touched()
    now.ns += 10_000 * MS
    boundless.check()
    bounded = StallWatch(0.1, now)
    bounded.touched()
    now.ns += 10_000 * MS
    with pytest.raises(ControlFaultError):
        bounded.check()


def test_the_clock_runs_on_like_the_monotonic_one():
    boot, monotonic = boot_time_ns(), time.monotonic_ns()
    time.sleep(0.01)
    assert boot_time_ns() - boot == pytest.approx(time.monotonic_ns() - monotonic, rel=0.5)
