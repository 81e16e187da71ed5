"""Stalls of the process are cut out of the servos' time."""

import time

import pytest

from sim.servo_bus import clock as module
from sim.servo_bus.clock import STALL_NS, BusClock


class Monotonic:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def monotonic_ns(self) -> int:
        return self.now_ns


@pytest.fixture
def monotonic(monkeypatch) -> Monotonic:
    source = Monotonic()
    monkeypatch.setattr(module, "time", source)
    return source


def test_without_stalls_it_is_the_monotonic_clock():
    clock = BusClock()
    before = time.monotonic_ns()
    now_ns = clock.now_ns()
    assert before <= now_ns <= time.monotonic_ns()
    assert clock.monotonic_ns(now_ns) == now_ns


def test_a_stall_is_cut_out(monotonic):
    clock = BusClock()
    due_ns = clock.now_ns() + 2_500_000
    monotonic.now_ns = due_ns + 100_000_000
    assert clock.woke(due_ns) == due_ns
    assert clock.stalled_ns == clock.longest_stall_ns == 100_000_000
    assert clock.monotonic_ns(due_ns) == monotonic.now_ns
    monotonic.now_ns += 1000
    assert clock.now_ns() == due_ns + 1000


def test_a_little_lateness_is_no_stall(monotonic):
    clock = BusClock()
    due_ns = clock.now_ns() + 2_500_000
    monotonic.now_ns = due_ns + STALL_NS
    assert clock.woke(due_ns) == monotonic.now_ns
    assert clock.stalled_ns == 0


def test_time_that_was_told_is_not_taken_back_and_time_goes_on(monotonic):
    clock = BusClock()
    due_ns = clock.now_ns() + 2_500_000
    monotonic.now_ns = due_ns + 125_000_000
    told_ns = clock.now_ns()
    monotonic.now_ns += 10_000_000
    assert clock.woke(due_ns) == told_ns  # the last ten milliseconds alone are cut out
    monotonic.now_ns += 1000
    assert clock.now_ns() == told_ns + 1000


def test_remaining_time_counts_stalls(monotonic):
    clock = BusClock()
    due_ns = clock.now_ns() + 2_500_000
    assert clock.remaining_s(due_ns) == pytest.approx(0.0025)
    monotonic.now_ns += 50_000_000
    assert clock.remaining_s(due_ns) == 0.0
    clock.woke(due_ns)
    assert clock.remaining_s(due_ns + 1_000_000) == pytest.approx(0.001)
