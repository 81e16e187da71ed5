import numpy as np
import pytest

from hal.dynamixel.readings import ServoReadings
from hal.dynamixel.state_block import BLOCK

MS = 1_000_000


def answer(tick_ms: int, return_level: int = 2) -> bytes:
    row = np.zeros(1, dtype=BLOCK)
    row["status_return_level"] = return_level
    row["realtime_tick"] = tick_ms % 32768
    row["present_position"] = 7
    return row.tobytes()


def test_ages_and_misses_are_each_servo_s_own():
    readings = ServoReadings(2)
    assert np.isinf(readings.age_s(0)).all()
    for cycle in range(1, 4):
        readings.begin()
        readings.take(0, answer(20 * cycle), 20 * MS * cycle, BLOCK)
        if cycle == 1:
            readings.take(1, answer(20), 20 * MS, BLOCK)
        readings.end()
    assert readings.misses.tolist() == [0, 2]
    assert readings.fresh.tolist() == [True, False]
    assert readings.age_s(60 * MS).tolist() == [0.0, 0.04]


@pytest.mark.parametrize(
    ("tick_ms", "later_ns", "restarted"),
    [
        (20_020, 20 * MS, False),
        (20_100, 20 * MS, False),  # the host was slow
        (100, 20 * MS, True),  # begins to count anew
        (20_100, 900 * MS, False),  # was held up
        (400, 900 * MS, True),
        (20_000 + 5_000, 5_000 * MS, False),
        (20_000 + 40_000, 40_000 * MS, False),  # too long ago to tell
    ],
)
def test_clock_of_a_servo_tells_of_a_restart(tick_ms: int, later_ns: int, restarted: bool):
    readings = ServoReadings(1)
    readings.take(0, answer(20_000), 10**9, BLOCK)
    readings.take(0, answer(tick_ms), 10**9 + later_ns, BLOCK)
    assert readings.restarted.tolist() == [restarted]


def test_clock_may_wrap():
    readings = ServoReadings(1)
    readings.take(0, answer(32_760), 10**9, BLOCK)
    readings.take(0, answer(32_780), 10**9 + 20 * MS, BLOCK)
    assert not readings.restarted.any()


def test_servo_that_lost_its_mapping_answers_zeros_that_are_no_measurement():
    readings = ServoReadings(1)
    readings.take(0, answer(100), 10**9, BLOCK)
    readings.begin()
    readings.take(0, bytes(BLOCK.itemsize), 10**9 + 20 * MS, BLOCK)
    readings.end()
    assert readings.restarted.all()
    assert not readings.fresh.any()
    assert readings.rows["present_position"][0] == 7
