"""Interleaved timing."""

import time

import pytest

from services.bench.timing import Timing, time_interleaved
from services.bench.yardstick import FLOPS, gflops_of, measure_yardstick

pytestmark = pytest.mark.xdist_group("timing")


def test_cases_take_turns_and_the_warm_up_does_not_count():
    order: list[str] = []
    found = time_interleaved({n: lambda n=n: order.append(n) for n in "ab"}, rounds=3, warm_up=2)
    assert order == ["a", "b"] * 5
    assert set(found) == {"a", "b"}


def test_waiting_costs_wall_time_and_no_processor_time():
    found = time_interleaved({"wait": lambda: time.sleep(0.05)}, rounds=1, warm_up=0)["wait"]
    assert found.wall_s >= 0.05
    assert found.cpu_s < found.wall_s


def test_the_median_round_counts():
    begin = time.process_time()

    def work() -> None:
        while time.process_time() - begin < 0.03:  # the first round only
            pass

    found = time_interleaved({"once": work}, rounds=3, warm_up=0)["once"]
    assert found.cpu_s < 0.03


def test_no_rounds_are_no_measurement():
    with pytest.raises(ValueError, match="0 rounds"):
        time_interleaved({}, rounds=0)


def test_the_yardstick_is_floating_point_operations_over_processor_time():
    assert gflops_of(Timing(cpu_s=0.5, wall_s=9.0)) == pytest.approx(2 * FLOPS / 1e9)
    assert measure_yardstick(rounds=1) > 0
