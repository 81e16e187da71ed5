"""Velocity from poses, and which of them are valid."""

import numpy as np
import pytest

from hal.trackers.filter import BodyTracks, PoseFilter
from hal.trackers.rotation import matrix_from_angles, yaw_matrix

STILL = np.eye(3)


def follow(pose_filter: PoseFilter, seconds: float, spin_rad_s: float, speed_m_s: float) -> None:
    for step in range(round(seconds * 100)):
        t = step * 0.01
        pose_filter.update(t, np.array([speed_m_s * t, 0.0, 0.3]), yaw_matrix(spin_rad_s * t))


def test_a_steady_motion_has_its_velocity_from_the_second_pose_on():
    pose_filter = PoseFilter()
    follow(pose_filter, 0.01, 1.0, 0.5)
    assert not pose_filter.is_settled
    assert not pose_filter.velocity.any()
    follow(pose_filter, 0.02, 1.0, 0.5)
    assert pose_filter.is_settled
    assert pose_filter.velocity == pytest.approx([0.5, 0, 0, 0, 0, 1.0])


def test_turning_on_through_half_a_turn_makes_no_velocity_jump():
    pose_filter = PoseFilter()
    follow(pose_filter, 5.0, 2.0, 0.0)  # more than a whole turn
    assert pose_filter.velocity == pytest.approx([0, 0, 0, 0, 0, 2.0], abs=1e-9)
    assert -np.pi <= pose_filter.pose[5] < np.pi


def test_rates_are_those_of_the_angles_of_a_tilted_body():
    pose_filter = PoseFilter(time_constant_s=1e-4)
    path = [np.array([0.4 + 0.3 * t, 0.5 - 0.2 * t, 0.1 + 0.7 * t]) for t in (0.0, 1e-4)]
    for t, angles in zip((0.0, 1e-4), path, strict=True):
        pose_filter.update(t, np.zeros(3), matrix_from_angles(angles))
    assert pose_filter.velocity[3:] == pytest.approx([0.3, -0.2, 0.7], abs=1e-3)


def test_a_step_of_velocity_comes_through_with_the_time_constant():
    pose_filter = PoseFilter(time_constant_s=0.1)
    position = 0.0
    for step in range(40):
        position += 0.01 * (1.0 if step >= 20 else 0.0)
        pose_filter.update(step * 0.01, np.array([position, 0.0, 0.0]), STILL)
    assert pose_filter.velocity[0] == pytest.approx(1 - np.exp(-0.2 / 0.1), abs=1e-9)


@pytest.mark.parametrize("time_s", [1.0, 0.5])
def test_a_pose_that_is_not_newer_is_left_out(time_s: float):
    pose_filter = PoseFilter()
    assert pose_filter.update(1.0, np.zeros(3), STILL)
    assert not pose_filter.update(time_s, np.ones(3), STILL)
    assert not pose_filter.pose.any()


def take(tracks: BodyTracks, stamp_ns: int, x_m: float, body: int = 0) -> bool:
    return tracks.update(body, stamp_ns, stamp_ns / 1e9, np.array([x_m, 0.0, 0.0]), STILL)


def test_a_body_is_valid_with_two_fresh_poses():
    tracks = BodyTracks(2, stale_s=0.1)
    assert tracks.snapshot(1).stamp_ns == 0
    take(tracks, 10_000_000, 0.0)
    assert not tracks.snapshot(10_000_000).valid.any()
    take(tracks, 20_000_000, 0.01)
    seen = tracks.snapshot(20_000_000)
    assert seen.valid.tolist() == [True, False]
    assert seen.stamp_ns == 20_000_000
    assert seen.velocity[0, 0] == pytest.approx(1.0)
    assert seen.pose.shape == seen.velocity.shape == (2, 6)


def test_a_stale_body_keeps_its_pose_and_needs_two_poses_again():
    tracks = BodyTracks(1, stale_s=0.1)
    take(tracks, 10_000_000, 0.0)
    take(tracks, 20_000_000, 1.0)
    assert tracks.snapshot(120_000_000).valid.all()
    late = tracks.snapshot(120_000_001)
    assert not late.valid.any()
    assert late.pose[0, 0] == 1.0
    take(tracks, 500_000_000, 2.0)
    assert not tracks.snapshot(500_000_000).valid.any()
    take(tracks, 510_000_000, 2.0)
    again = tracks.snapshot(510_000_000)
    assert again.valid.all()
    assert again.velocity[0, 0] == pytest.approx(0.0)  # not 1 m over 0.48 s


def test_a_pose_left_out_does_not_keep_a_body_fresh():
    tracks = BodyTracks(1, stale_s=0.1)
    take(tracks, 10_000_000, 0.0)
    take(tracks, 20_000_000, 0.0)
    assert not tracks.update(0, 110_000_000, 0.02, np.zeros(3), STILL)
    assert not tracks.snapshot(150_000_000).valid.any()


@pytest.mark.parametrize("stale_s", [0.0, -1.0, float("nan")])
def test_a_staleness_that_is_no_time_is_refused(stale_s: float):
    with pytest.raises(ValueError, match="stale_s"):
        BodyTracks(1, stale_s)
