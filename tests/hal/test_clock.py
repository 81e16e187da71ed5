import signal
import threading
import time

import numpy as np
import pytest

from hal.clock import LoopTiming, ManualClock, WallClock

pytestmark = pytest.mark.xdist_group("timing")

MS = 1_000_000


def test_wall_clock_is_the_monotonic_clock():
    before = time.monotonic_ns()
    now = WallClock().now_ns()
    assert before <= now <= time.monotonic_ns()


def test_wall_clock_never_wakes_early_and_does_not_drift():
    clock = WallClock()
    start = clock.now_ns()
    for cycle in range(1, 21):
        clock.sleep_until(start + cycle * 2 * MS)
        assert clock.now_ns() >= start + cycle * 2 * MS
    assert clock.now_ns() < start + 500 * MS


@pytest.mark.parametrize("deadline_ns", [-1, 0, 1])
def test_wall_clock_returns_at_once_when_the_deadline_has_passed(deadline_ns: int):
    clock = WallClock()
    start = clock.now_ns()
    clock.sleep_until(deadline_ns)
    assert clock.now_ns() - start < 200 * MS


def test_wall_clock_keeps_its_deadline_through_signals():
    seen = []
    previous = signal.signal(signal.SIGUSR1, lambda *_: seen.append(time.monotonic_ns()))
    me = threading.get_ident()
    timer = threading.Timer(0.02, lambda: signal.pthread_kill(me, signal.SIGUSR1))
    try:
        clock = WallClock()
        deadline = clock.now_ns() + 80 * MS
        timer.start()
        clock.sleep_until(deadline)
        assert clock.now_ns() >= deadline
        assert len(seen) == 1
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, previous)


def test_manual_clock_jumps_forward_only():
    clock = ManualClock(start_ns=5)
    clock.sleep_until(100)
    assert clock.now_ns() == 100
    clock.sleep_until(50)
    assert clock.now_ns() == 100
    clock.advance(7)
    assert clock.now_ns() == 107
    with pytest.raises(ValueError, match="-1"):
        clock.advance(-1)


def test_timing_of_known_cycles():
    timing = LoopTiming(period_ns=10 * MS)
    for cycle in range(100):
        deadline = cycle * 10 * MS
        assert not timing.record(deadline, deadline + cycle * 1000, deadline + cycle * 1000 + MS)
    summary = timing.summary()
    assert (summary.cycles, summary.overruns, summary.period_s) == (100, 0, 0.01)
    assert summary.lateness_p50_us == pytest.approx(49.5)
    assert summary.lateness_p99_us == pytest.approx(98.01)
    assert summary.lateness_max_us == 99.0
    assert summary.work_p50_us == summary.work_max_us == 1000.0


def test_overruns_are_cycles_that_reach_their_next_deadline():
    timing = LoopTiming(period_ns=10)
    assert not timing.record(0, 0, 9)
    assert timing.record(10, 10, 20)
    assert timing.record(20, 35, 36)
    assert timing.summary().overruns == 2


def test_percentiles_look_back_on_the_window_only():
    timing = LoopTiming(period_ns=10 * MS, window=10)
    timing.record(0, 9 * MS, 9 * MS)
    for _ in range(10):
        timing.record(0, 1000, 1000)
    summary = timing.summary()
    assert summary.cycles == 11
    assert summary.lateness_max_us == 1.0


def test_summary_before_the_first_cycle_is_zero():
    summary = LoopTiming(period_ns=1).summary()
    assert (summary.cycles, summary.lateness_max_us, summary.work_max_us) == (0, 0.0, 0.0)
    assert np.isfinite(summary.lateness_p999_us)


@pytest.mark.parametrize(("period_ns", "window"), [(0, 10), (10, 0)])
def test_timing_refuses_empty_periods_and_windows(period_ns: int, window: int):
    with pytest.raises(ValueError, match="at least 1"):
        LoopTiming(period_ns, window)
