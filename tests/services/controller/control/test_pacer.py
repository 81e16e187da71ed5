import time

from hal.clock import ManualClock, WallClock
from services.controller.control.pacer import LockstepPacer, WallPacer

MS = 1_000_000


def test_deadlines_lie_on_a_grid_and_missed_ones_are_skipped():
    clock = ManualClock()
    pacer = WallPacer(clock, 10 * MS, lambda: False)
    woke = []
    for work_ms in (1, 2, 37, 1, 10, 1):
        assert pacer.wait()
        woke.append(clock.now_ns() // MS)
        clock.advance(work_ms * MS)
        pacer.done()
    assert woke == [10, 20, 30, 70, 80, 100]
    assert pacer.summary().overruns == 2
    assert pacer.summary().cycles == 6


def test_overruns_in_a_row_are_counted_until_a_period_is_kept():
    clock = ManualClock()
    pacer = WallPacer(clock, 10 * MS, lambda: False)
    counts = []
    for work_ms in (15, 15, 1, 15):
        pacer.wait()
        clock.advance(work_ms * MS)
        pacer.done()
        counts.append(pacer.overruns_in_a_row)
    assert counts == [1, 2, 0, 1]


def test_an_urgent_matter_ends_the_wait_within_milliseconds():
    asked = []

    def is_urgent() -> bool:
        asked.append(time.monotonic_ns())
        return len(asked) == 3

    begun = time.monotonic_ns()
    assert not WallPacer(WallClock(), 60_000 * MS, is_urgent).wait()
    assert time.monotonic_ns() - begun < 2_000 * MS
    assert len(asked) == 3


def test_lockstep_jumps_and_is_never_late():
    clock = ManualClock()
    pacer = LockstepPacer(clock, 100 * MS)
    begun = time.monotonic_ns()
    for _ in range(100):
        assert pacer.wait()
        pacer.done()
    assert clock.now_ns() == 100 * 100 * MS
    assert time.monotonic_ns() - begun < 2_000 * MS
    assert pacer.summary().overruns == 0
    assert pacer.summary().lateness_max_us == 0


def test_the_grid_starts_with_the_first_wait():
    clock = ManualClock()
    pacer = WallPacer(clock, 10 * MS, lambda: False)
    clock.advance(35 * MS)  # setting up takes several periods
    assert pacer.wait()
    pacer.done()
    assert clock.now_ns() == 45 * MS
    assert pacer.summary().overruns == 0
