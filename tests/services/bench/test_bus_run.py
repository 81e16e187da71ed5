"""The driver of a client, on clients that answer at once, late or not at all."""

import time

import pytest

from services.bench.bus_run import drive

pytestmark = pytest.mark.xdist_group("timing")


class Scripted:
    """Takes `seconds` a cycle, and every `fails_every`-th is incomplete."""

    def __init__(self, seconds: float = 0.0, fails_every: int = 0) -> None:
        self.seconds = seconds
        self.fails_every = fails_every
        self.cycles = 0

    def __enter__(self) -> "Scripted":
        return self

    def __exit__(self, *error: object) -> None: ...

    def cycle(self) -> bool:
        self.cycles += 1
        time.sleep(self.seconds)
        return not self.fails_every or self.cycles % self.fails_every != 0


def test_cycles_start_at_deadlines_and_incomplete_ones_count():
    run = drive(Scripted(fails_every=4), 0.5, 0.01, warm_up=0)
    assert run.cycles <= 50
    assert run.success_rate == pytest.approx(0.75, abs=0.05)
    assert run.lateness_p50_us > 0


def test_deadlines_missed_are_skipped():
    run = drive(Scripted(seconds=0.015), 0.5, 0.01, warm_up=0)
    assert run.cycles <= 25
    assert run.work_p50_us >= 15_000


def test_without_a_period_it_goes_as_fast_as_it_can():
    run = drive(Scripted(seconds=0.001), 0.3, None, warm_up=0)
    assert run.lateness_p999_us == 0
    assert 30 < run.rate_hz <= 1000
