"""Velocity profiles against the closed forms of the e-manual and against their own invariants."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.servo.profile import ProfileShape, ramp, timed_profile, velocity_profile

positions = st.floats(-1e5, 1e5)
velocities = st.floats(-3e3, 3e3)
max_velocities = st.floats(1.0, 3e3)
accelerations = st.floats(1.0, 1e5)
# The registers count whole milliseconds.
milliseconds = st.integers(1, 32737).map(lambda count: 1e-3 * count)


@pytest.mark.parametrize("way", [4000.0, -4000.0])
def test_trapezoid_from_rest_takes_the_times_of_the_manual(way: float) -> None:
    profile = velocity_profile(100.0, 0.0, 100.0 + way, 1000.0, 2000.0)
    sign = 1 if way > 0 else -1
    assert profile.shape == ProfileShape.TRAPEZOIDAL
    assert profile.duration_s == pytest.approx(1000 / 2000 + 4000 / 1000)  # V/A + d/V
    assert profile.at(0.5) == pytest.approx((100 + sign * 250, sign * 1000))
    assert profile.at(1.0) == pytest.approx((100 + sign * 750, sign * 1000))
    assert profile.at(4.25) == pytest.approx((100 + sign * (4000 - 62.5), sign * 500))
    assert profile.at(4.5) == (100.0 + way, 0.0)


def test_short_way_gives_a_triangle() -> None:
    profile = velocity_profile(0.0, 0.0, 200.0, 1000.0, 2000.0)
    assert profile.shape == ProfileShape.TRIANGULAR
    assert profile.duration_s == pytest.approx(2 * (200 / 2000) ** 0.5)
    assert profile.at(profile.duration_s / 2) == pytest.approx((100, 2000 * profile.duration_s / 2))


def test_zero_acceleration_is_infinite() -> None:
    profile = velocity_profile(0.0, 0.0, -300.0, 100.0, 0.0)
    assert profile.shape == ProfileShape.RECTANGULAR
    assert profile.at(1.0) == pytest.approx((-100.0, -100.0))
    assert profile.duration_s == pytest.approx(3.0)


@pytest.mark.parametrize("acceleration", [0.0, 50.0])
def test_zero_velocity_is_a_step_whatever_the_acceleration(acceleration: float) -> None:
    profile = velocity_profile(0.0, 10.0, 300.0, 0.0, acceleration)
    assert (profile.shape, profile.at(0.0)) == (ProfileShape.STEP, (300.0, 0.0))


@given(positions, velocities, positions, max_velocities, accelerations)
def test_velocity_profile_is_continuous_and_keeps_its_limits(
    start: float, velocity: float, goal: float, max_velocity: float, acceleration: float
) -> None:
    profile = velocity_profile(start, velocity, goal, max_velocity, acceleration)
    if not profile.phases:
        return
    times = [profile.duration_s * k / 200 for k in range(201)]
    points = [profile.at(time_s) for time_s in times]
    fastest = max(max_velocity, abs(velocity)) * (1 + 1e-9)
    scale = 1e-6 * (1 + abs(start) + abs(goal) + fastest**2 / acceleration)
    assert points[0] == pytest.approx((start, velocity))
    assert points[-1][0] == pytest.approx(goal, abs=scale)
    for (before, slower), (after, faster) in pairwise(points):
        passed = times[1]
        assert abs(faster) <= fastest
        assert abs(after - before) <= fastest * passed + scale
        assert abs(faster - slower) <= acceleration * passed * (1 + 1e-6) + 1e-6 * fastest


@given(positions, positions, milliseconds, milliseconds)
def test_timed_profile_takes_its_time(
    start: float, goal: float, duration_s: float, acceleration_s: float
) -> None:
    profile = timed_profile(start, 0.0, goal, duration_s, acceleration_s)
    assert profile.duration_s == pytest.approx(duration_s)
    assert profile.at(duration_s / 2)[0] == pytest.approx((start + goal) / 2, abs=1e-6)
    assert profile.at(duration_s * (1 + 1e-9) + 1e-9) == (goal, 0.0)


def test_timed_profile_limits_the_ramps_to_half_of_the_time() -> None:
    profile = timed_profile(0.0, 0.0, 100.0, 2.0, 5.0)
    assert profile.shape == ProfileShape.TRIANGULAR
    assert profile.at(1.0) == pytest.approx((50.0, 100.0))


def test_timed_profile_goes_on_from_the_velocity_it_has() -> None:
    profile = timed_profile(0.0, 50.0, 100.0, 2.0, 0.5)
    assert profile.at(0.0) == (0.0, 50.0)
    assert sum(phase.distance for phase in profile.phases) == pytest.approx(100.0)


def test_timed_profile_of_no_time_is_a_step() -> None:
    assert timed_profile(0.0, 0.0, 9.0, 0.0, 0.0).at(0.0) == (9.0, 0.0)


def test_velocity_ramp() -> None:
    assert ramp(0.0, 100.0, 50.0, 1.0) == 50.0
    assert ramp(100.0, -100.0, 50.0, 1.0) == 50.0
    assert ramp(0.0, 100.0, 50.0, 9.0) == 100.0
    assert ramp(0.0, 100.0, 0.0, 0.0) == 100.0
