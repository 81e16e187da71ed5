"""Where a task's world lies in the tracker's: set anew at each reset, by where the torso then is.

A task starts each episode at a pose of its own choosing, such as 0, 0, 0. On hardware the torso
starts wherever the last episode ended, so the world moves instead: shifted, and turned about the
vertical only, for up is up wherever the torso is. The last samples are averaged, as the ROBEL
benchmark does on hardware.
"""

from collections import deque

import numpy as np

from hal.errors import TrackerError
from hal.tracker import TrackedBodies
from hal.trackers.rotation import (
    angles_from_matrix,
    matrix_from_angles,
    rates_from_spin,
    spin_from_rates,
    yaw_matrix,
)
from hal.types import Vector


class WorldOrigin:
    """Maps what a tracker reports to the task's world. The identity until first placed.

    The first body is the one that defines it.

    Args:
        samples: measurements to average.
    """

    def __init__(self, samples: int = 10) -> None:
        self._recent: deque[tuple[int, Vector]] = deque(maxlen=samples)
        self._zero_height_m: float | None = None
        self._turn = np.eye(3)
        self._shift_m = np.zeros(3)

    @property
    def is_ready(self) -> bool:
        """Whether there are enough samples to place it."""
        return len(self._recent) == self._recent.maxlen

    def observe(self, bodies: TrackedBodies) -> None:
        """Keep one measurement, in the tracker's world; a body lost starts the average anew."""
        if not bodies.valid[0]:
            self._recent.clear()
        elif not self._recent or self._recent[-1][0] != bodies.stamp_ns:
            self._recent.append((bodies.stamp_ns, bodies.pose[0]))

    def restart(self) -> None:
        """Forget the samples: the torso was moving until now."""
        self._recent.clear()

    def level(self) -> None:
        """The first body, as seen last, is at height 0 of the task's world, now and after `place`.

        For a robot that starts an episode on bent legs, yet counts heights from straight ones.
        Without a sample it changes nothing.
        """
        if self._recent:
            self._zero_height_m = float(self._recent[-1][1][2])

    def place(self, body_pose: Vector) -> None:
        """Lay the world so that the first body, as just observed, has the pose of a reset target.

        Args:
            body_pose: [B, 6]; of the first body's, position and heading count, not its tilt. Its
                height does not count either after `level`.

        Raises:
            TrackerError: TRACKER_LOST, too few valid measurements since it was lost or restarted.
        """
        if not self.is_ready:
            raise TrackerError(
                f"the tracker has shown the body only {len(self._recent)} times in a row, "
                f"{self._recent.maxlen} are needed to place the world: is it in view?",
                reason="TRACKER_LOST",
            )
        poses = np.array([pose for _, pose in self._recent])
        here_m = poses[:, :3].mean(axis=0)
        facing = np.mean([matrix_from_angles(pose[3:])[:, 1] for pose in poses], axis=0)
        wanted = matrix_from_angles(body_pose[0, 3:])[:, 1]
        self._turn = yaw_matrix(_heading(wanted) - _heading(facing))
        self._shift_m = body_pose[0, :3] - self._turn @ here_m
        if self._zero_height_m is not None:
            self._shift_m[2] = -self._zero_height_m

    def to_task(self, bodies: TrackedBodies) -> TrackedBodies:
        """The same measurement in the task's world."""
        pose, velocity = bodies.pose.copy(), bodies.velocity.copy()
        for body in range(len(pose)):
            spin = spin_from_rates(pose[body, 3:], velocity[body, 3:])
            matrix = self._turn @ matrix_from_angles(pose[body, 3:])
            pose[body, :3] = self._turn @ pose[body, :3] + self._shift_m
            pose[body, 3:] = angles_from_matrix(matrix)
            velocity[body, :3] = self._turn @ velocity[body, :3]
            velocity[body, 3:] = rates_from_spin(pose[body, 3:], self._turn @ spin)
        return TrackedBodies(bodies.stamp_ns, pose, velocity, bodies.valid)


def _heading(forward: Vector) -> float:
    """Angle about z of a body's forward axis [3]; a torso looks along its own y."""
    return float(np.arctan2(forward[1], forward[0]))
