"""The driver of a client, on clients that answer at once, late or not at all."""

import time

import pytest

from services.bench.bus_run import drive, rate_limit_hz, read_bytes, write_bytes

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


@pytest.mark.parametrize(
    ("servos", "fast", "bytes_"),
    [(9, False, 212), (9, True, 157), (12, False, 278), (12, True, 202)],
)
def test_a_read_has_the_bytes_of_its_packets(servos: int, fast: bool, bytes_: int):
    assert read_bytes(servos, 10, fast=fast) == bytes_


@pytest.mark.parametrize(("servos", "bytes_"), [(9, 59), (12, 74)])
def test_a_write_has_the_bytes_of_its_packet(servos: int, bytes_: int):
    assert write_bytes(servos, 4) == bytes_


@pytest.mark.parametrize(
    ("servos", "baud_rate", "hold_s", "fast", "rate"),
    [
        (9, 1_000_000, 0.0, False, 369),
        (9, 1_000_000, 0.001, False, 270),
        (9, 1_000_000, 0.016, False, 53),
        (9, 4_000_000, 0.001, True, 649),
        (12, 1_000_000, 0.001, False, 221),
        (12, 3_000_000, 0.001, True, 521),
    ],
)
def test_the_wire_allows_so_many_cycles(
    servos: int, baud_rate: int, hold_s: float, fast: bool, rate: int
):
    assert rate_limit_hz(servos, 10, 4, baud_rate, hold_s, fast=fast) == pytest.approx(
        rate, abs=0.6
    )
