"""When a robot came to rest, from motion whose end is known."""

import pytest

from services.bench.stop_motion import halt_after
from sim.servo_bus.motion_trace import MotionSample

STEP_NS = 2_500_000
KILL_NS = 100 * STEP_NS
FAST, SLOW = 1.0, 0.04


def samples(
    speeds: dict[range, float], limp_from: int = 10_000, stalled: dict[int, int] | None = None
):
    """400 steps, the kill between the 100th and the 101st; `stalled`: from a step on, ns."""
    found = []
    for index in range(400):
        speed = next((v for steps, v in speeds.items() if index in steps), 0.0)
        lost = max((ns for i, ns in (stalled or {}).items() if index >= i), default=0)
        on = 0 if index >= limp_from else 9
        found.append(MotionSample(index * STEP_NS, lost, speed, on, on))
    return found


def test_the_last_motion_before_the_quiet_counts():
    halt = halt_after(samples({range(90, 141): FAST, range(141, 180): SLOW}), KILL_NS)
    assert halt.stop_s == pytest.approx(40 * 0.0025)
    assert halt.was_moving
    assert (halt.limp_s, halt.released_s, halt.stalled_s) == (None, None, 0.0)


def test_a_short_rest_is_no_standstill():
    halt = halt_after(samples({range(90, 111): FAST, range(125, 131): FAST}), KILL_NS)
    assert halt.stop_s == pytest.approx(30 * 0.0025)
    assert halt.last_motion_s == pytest.approx(30 * 0.0025)


def test_motion_without_an_end_is_none():
    halt = halt_after(samples({range(400): FAST}), KILL_NS)
    assert halt.stop_s is None
    assert halt.travel_rad == pytest.approx(0.0025 * (399 - 148), rel=0.01)


def test_limp_fingers_that_sink_are_in_motion():
    halt = halt_after(samples({range(140, 200): FAST}, limp_from=140), KILL_NS)
    assert halt.released_s == halt.limp_s == pytest.approx(40 * 0.0025)
    assert halt.stop_s == pytest.approx(99 * 0.0025)
    assert not halt.was_moving


def test_a_rest_before_the_program_has_ended_is_no_standstill():
    moving = {range(140, 160): FAST}
    assert halt_after(samples(moving), KILL_NS).stop_s == 0.0
    ended_ns = KILL_NS + 35 * STEP_NS
    assert halt_after(samples(moving), KILL_NS, ended_ns).stop_s == pytest.approx(59 * 0.0025)


def test_the_servos_time_stands_still_while_the_bus_does():
    speeds = {range(90, 121): FAST}
    halt = halt_after(samples(speeds, stalled={110: 30_000_000}), KILL_NS)
    assert halt.stop_s == pytest.approx(20 * 0.0025)
    assert halt.stalled_s == pytest.approx(0.03)


def test_a_kill_during_a_stall_is_dated_at_its_beginning():
    begin_ns = KILL_NS + 10_000_000  # the bus stands still from step 100 on, for 30 ms
    halt = halt_after(samples({range(90, 121): FAST}, stalled={101: 30_000_000}), begin_ns)
    assert halt.stop_s == pytest.approx(20 * 0.0025)


def test_there_must_be_something_on_both_sides_of_the_kill():
    with pytest.raises(ValueError, match="400 samples before the kill and 0 after"):
        halt_after(samples({}), 10_000 * STEP_NS)
