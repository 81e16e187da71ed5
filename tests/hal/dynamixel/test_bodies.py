"""A tracked torso in the world that resets set."""

import numpy as np
import pytest

from hal.dynamixel.bodies import BodyTracking
from hal.tracker import TrackedBodies

AT_ZERO = np.zeros((1, 6))


class Room:
    """A tracking system with one body, which is where the test puts it."""

    bodies = ("torso",)

    def __init__(self) -> None:
        self.pose = np.array([[2.0, -1.0, 0.31, 0.0, 0.0, 0.0]])
        self.is_started = False
        self._looks = 0

    def start(self) -> None:
        self.is_started = True

    def read(self) -> TrackedBodies:
        self._looks += 1
        return TrackedBodies(self._looks, self.pose.copy(), AT_ZERO.copy(), np.array([True]))

    def close(self) -> None:
        self.is_started = False


def look_often(bodies: BodyTracking) -> TrackedBodies:
    for _ in range(9):
        bodies.look()
    return bodies.look()


def test_it_starts_and_closes_its_tracker():
    room = Room()
    bodies = BodyTracking(room)
    bodies.start()
    assert room.is_started
    bodies.close()
    assert not room.is_started


def test_no_world_is_placed_before_enough_was_seen():
    bodies = BodyTracking(Room())
    assert not bodies.place(AT_ZERO)
    look_often(bodies)
    bodies.restart()
    bodies.look()
    assert not bodies.place(AT_ZERO)
    look_often(bodies)
    assert bodies.place(AT_ZERO)
    assert bodies.look().pose == pytest.approx(AT_ZERO)


def test_heights_count_from_where_the_world_was_levelled():
    room = Room()
    bodies = BodyTracking(room)
    bodies.look()
    bodies.level()
    room.pose[0, :3] = [3.0, 0.0, 0.22]
    look_often(bodies)
    assert bodies.place(AT_ZERO)
    assert bodies.look().pose[0, :3] == pytest.approx([0.0, 0.0, -0.09])
