import time

import pytest

from hal.clock import ManualClock, WallClock
from services.controller.control.pacer import LockstepPacer, Tending, WallPacer

pytestmark = pytest.mark.xdist_group("timing")

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


def test_a_robot_is_tended_on_a_grid_that_each_step_begins_anew():
    clock, tended = ManualClock(), []

    def tend() -> None:
        tended.append(clock.now_ns() // MS)
        clock.advance(3 * MS)  # a cycle on the bus

    pacer = WallPacer(clock, 100 * MS, lambda: False, Tending(20 * MS, tend))
    assert pacer.wait()
    clock.advance(5 * MS)
    pacer.done()
    tended.clear()
    assert pacer.wait()
    assert clock.now_ns() == 200 * MS, "tending delays no step"
    assert tended == [125, 145, 165, 185]


def test_tending_leaves_a_step_that_is_near_alone():
    clock, tended = ManualClock(), []
    pacer = WallPacer(
        clock, 25 * MS, lambda: False, Tending(20 * MS, lambda: tended.append(clock.now_ns()))
    )
    pacer.wait()
    pacer.done()
    tended.clear()
    for _ in range(4):
        pacer.wait()
        pacer.done()
    assert tended == [], "5 ms before a step, the step itself is soon enough"
    assert clock.now_ns() == 125 * MS


def test_what_tending_raises_ends_the_wait_and_the_next_wait_goes_on():
    clock, tended = ManualClock(), []

    def tend() -> None:
        tended.append(clock.now_ns() // MS)
        raise LookupError

    pacer = WallPacer(clock, 100 * MS, lambda: False, Tending(20 * MS, tend))
    for _ in range(4):
        with pytest.raises(LookupError):
            pacer.wait()
    assert tended == [0, 20, 40, 60]


def test_an_emergency_stop_is_noticed_between_two_tendings():
    clock, asked = ManualClock(), []

    def is_urgent() -> bool:
        asked.append(clock.now_ns())
        return False

    WallPacer(clock, 100 * MS, is_urgent, Tending(20 * MS, lambda: None)).wait()
    gaps = [b - a for a, b in zip([0, *asked], asked, strict=False)]
    assert max(gaps) <= 5 * MS
