"""The task's world in the tracker's."""

import numpy as np
import pytest

from hal.errors import TrackerError
from hal.tracker import TrackedBodies
from hal.trackers.origin import WorldOrigin
from hal.trackers.rotation import angles_from_matrix, matrix_from_angles, yaw_matrix

AT_ZERO = np.zeros((1, 6))


def seen(pose, velocity=None, stamp_ns: int = 1, valid: bool = True) -> TrackedBodies:
    pose = np.atleast_2d(np.array(pose, dtype=np.float64))
    rate = np.zeros_like(pose) if velocity is None else np.atleast_2d(velocity).astype(float)
    return TrackedBodies(stamp_ns, pose, rate, np.full(len(pose), valid))


def observed(pose, samples: int = 10) -> WorldOrigin:
    origin = WorldOrigin()
    for stamp_ns in range(1, samples + 1):
        origin.observe(seen(pose, stamp_ns=stamp_ns))
    return origin


def test_until_placed_nothing_changes():
    bodies = seen([1.0, 2.0, 3.0, 0.1, 0.2, 0.3], [1, 2, 3, 4, 5, 6])
    mapped = WorldOrigin().to_task(bodies)
    assert mapped.pose == pytest.approx(bodies.pose)
    assert mapped.velocity == pytest.approx(bodies.velocity)


@pytest.mark.parametrize("yaw", [-3.0, -1.0, 0.0, 2.0])
def test_the_torso_is_then_where_the_target_says(yaw: float):
    here = [2.0, -1.0, 0.35, *angles_from_matrix(yaw_matrix(yaw))]
    target = np.array([[0.5, 0.25, 0.0, 0.0, 0.0, 0.7]])
    origin = observed(here)
    origin.place(target)
    assert origin.to_task(seen(here)).pose == pytest.approx(target, abs=1e-9)


def test_the_tilt_stays_what_it_is():
    tilted = yaw_matrix(1.0) @ matrix_from_angles(np.array([0.2, -0.1, 0.0]))
    origin = observed([0, 0, 0, *angles_from_matrix(tilted)])
    origin.place(AT_ZERO)
    mapped = origin.to_task(seen([0, 0, 0, *angles_from_matrix(tilted)]))
    matrix = matrix_from_angles(mapped.pose[0, 3:])
    assert matrix[2] == pytest.approx(tilted[2])  # up in the body's axes
    assert np.arctan2(*matrix[:2, 1]) == pytest.approx(0.0, abs=1e-9)  # ahead is ahead


def test_a_walk_ahead_is_a_walk_along_the_tasks_y():
    origin = observed([5.0, 5.0, 0.3, 0, 0, np.pi / 2])
    origin.place(AT_ZERO)
    walk = seen([4.0, 5.0, 0.3, 0, 0, np.pi / 2], [-0.5, 0, 0, 0, 0, 0.2])
    mapped = origin.to_task(walk)
    assert mapped.pose[0] == pytest.approx([0, 1, 0, 0, 0, 0], abs=1e-9)
    assert mapped.velocity[0] == pytest.approx([0, 0.5, 0, 0, 0, 0.2], abs=1e-9)


def test_velocities_are_the_derivatives_of_the_mapped_poses():
    origin = observed([1.0, 0.0, 0.3, 0, 0, 2.0])
    origin.place(AT_ZERO)
    pose = np.array([0.3, 0.2, 0.1, 0.4, -0.3, 1.2])
    rate = np.array([0.1, -0.2, 0.3, 0.5, -0.4, 0.6])
    ahead, behind = (origin.to_task(seen(pose + s * 1e-6 * rate)).pose for s in (1, -1))
    assert origin.to_task(seen(pose, rate)).velocity == pytest.approx(
        (ahead - behind) / 2e-6, abs=1e-5
    )


def test_all_bodies_move_with_the_world():
    origin = WorldOrigin(samples=1)
    both = seen([[1.0, 0, 0.3, 0, 0, 0], [1.0, 2.0, 0.3, 0, 0, 0]])
    origin.observe(both)
    origin.place(np.zeros((2, 6)))
    assert origin.to_task(both).pose[1] == pytest.approx([0, 2, 0, 0, 0, 0], abs=1e-12)


def test_samples_are_averaged_across_half_a_turn():
    origin = WorldOrigin(samples=4)
    for stamp_ns, yaw in enumerate((3.1, -3.1, 3.12, -3.12), start=1):
        origin.observe(seen([0.01 * stamp_ns, 0, 0, 0, 0, yaw], stamp_ns=stamp_ns))
    origin.place(AT_ZERO)
    mapped = origin.to_task(seen([0.025, 0, 0, 0, 0, np.pi])).pose[0]
    assert mapped[:2] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert np.sin(mapped[5]) == pytest.approx(0.0, abs=1e-9)


def test_after_levelling_bent_legs_are_below_zero():
    origin = observed([0, 0, 0.1, 0, 0, 0])  # while it rises
    origin.observe(seen([0, 0, 0.33, 0, 0, 0], stamp_ns=15))
    origin.level()
    for stamp_ns in range(20, 30):
        origin.observe(seen([0, 0, 0.21, 0, 0, 0], stamp_ns=stamp_ns))
    origin.place(AT_ZERO)
    assert origin.to_task(seen([0, 0, 0.21, 0, 0, 0])).pose[0, 2] == pytest.approx(-0.12)


def test_levelling_without_a_sample_changes_nothing():
    origin = WorldOrigin(samples=1)
    origin.level()
    origin.observe(seen([0, 0, 0.21, 0, 0, 0]))
    origin.place(AT_ZERO)
    assert origin.to_task(seen([0, 0, 0.21, 0, 0, 0])).pose[0, 2] == pytest.approx(0.0)


@pytest.mark.parametrize("samples", [0, 9])
def test_too_few_samples_are_refused(samples: int):
    origin = observed([0] * 6, samples)
    assert not origin.is_ready
    with pytest.raises(TrackerError, match=f"only {samples} times") as caught:
        origin.place(AT_ZERO)
    assert caught.value.reason == "TRACKER_LOST"


def test_one_measurement_seen_twice_is_one_sample():
    origin = WorldOrigin(samples=2)
    origin.observe(seen([0] * 6, stamp_ns=5))
    origin.observe(seen([0] * 6, stamp_ns=5))
    assert not origin.is_ready


def test_a_body_lost_or_moved_starts_the_average_anew():
    origin = observed([0] * 6)
    assert origin.is_ready
    origin.observe(seen([0] * 6, stamp_ns=99, valid=False))
    assert not origin.is_ready
    origin = observed([0] * 6)
    origin.restart()
    assert not origin.is_ready
