"""Lateness from stamps whose lateness is known."""

import pytest

from mbctl.episodes.seeding import TRAIN
from services.bench.loop_run import lateness_of
from services.ipc.row_message import RowMessage

pytestmark = pytest.mark.xdist_group("timing")

PERIOD = 10_000_000
MICROSECOND = 1_000
GRID = 123_456_789


def row(step: int, deadline: int, late_us: float, work_us: float, episode: str = "a") -> RowMessage:
    observed = GRID + deadline * PERIOD + round(late_us * MICROSECOND)
    commanded = observed + round(work_us * MICROSECOND)
    return RowMessage(episode, step, 1, observed, commanded, 0, TRAIN, False, b"")


def test_lateness_is_from_the_deadline_that_the_loop_waited_for():
    late = [50, 40, 60, 50, 7_000, 50]
    rows = [row(i, i + 10, us, 1_000) for i, us in enumerate(late)]
    found = lateness_of(rows, PERIOD, 50.0)
    assert found.us == pytest.approx(late[1:])
    assert found.overruns == 0
    assert found.percentile(100) == pytest.approx(7_000)


def test_a_deadline_that_passed_during_work_was_skipped():
    rows = [
        row(0, 0, 50, 1_000),
        row(1, 1, 50, 25_000),  # works past deadlines 2 and 3
        row(2, 4, 70, 1_000),
        row(3, 5, 50, 1_000),
    ]
    found = lateness_of(rows, PERIOD, 50.0)
    assert found.us == pytest.approx([50, 70, 50])
    assert found.overruns == 1


def test_a_sleep_that_lasts_for_periods_is_lateness():
    rows = [row(0, 0, 50, 1_000), row(1, 1, 38_000, 1_000), row(2, 5, 50, 1_000)]
    found = lateness_of([*rows, row(3, 6, 50, 1_000)], PERIOD, 50.0)
    assert found.us == pytest.approx([38_000, 50, 50])
    assert found.overruns == 1


def test_what_lies_between_episodes_does_not_count():
    rows = [row(0, 0, 50, 100), row(1, 1, 50, 100), row(0, 7, 90, 100, "b")]
    rows.append(row(1, 8, 60, 100, "b"))
    assert lateness_of(rows, PERIOD, 55.0).us == pytest.approx([50, 60], abs=6)


def test_a_single_step_tells_nothing():
    with pytest.raises(ValueError, match="no two consecutive steps in 1 rows"):
        lateness_of([row(0, 0, 0, 0)], PERIOD, 50.0)
