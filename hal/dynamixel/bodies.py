"""The tracked bodies of a robot on the bus, in the world that its last reset set."""

from hal.tracker import TrackedBodies, Tracker
from hal.trackers.origin import WorldOrigin
from hal.types import Vector


class BodyTracking:
    """A tracker and the origin of the task's world in it.

    Args:
        tracker: not yet started.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._origin = WorldOrigin()

    def start(self) -> None:
        """Begin to track.

        Raises:
            TrackerError: the system cannot be reached.
        """
        self._tracker.start()

    def look(self) -> TrackedBodies:
        """The newest measurement in the task's world.

        Raises:
            TrackerError: the system is gone.
        """
        seen = self._tracker.read()
        self._origin.observe(seen)
        return self._origin.to_task(seen)

    def restart(self) -> None:
        """The bodies come to rest now: forget where they were seen before."""
        self._origin.restart()

    def level(self) -> None:
        """The robot stands on straight legs, as just seen: heights count from here."""
        self._origin.level()

    def place(self, body_pose: Vector) -> bool:
        """Lay the world so that the first body is at `body_pose` [B, 6]; False: not enough seen.

        Raises:
            TrackerError: the poses cannot be used.
        """
        if not self._origin.is_ready:
            return False
        self._origin.place(body_pose)
        return True

    def close(self) -> None:
        """Release the tracker. Repeatable."""
        self._tracker.close()
