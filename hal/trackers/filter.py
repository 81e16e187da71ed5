"""From poses as they come to what a robot reports: velocity by differences, validity by age.

Trackers measure poses; of velocities some say nothing and some use axes of their own. So all are
formed here, one way: the difference of two poses over their time, smoothed by a first-order
low-pass. Turning is smoothed as an angular velocity, which knows no jump from pi to -pi, and turned
into the angles' derivatives at the end.
"""

import numpy as np

from hal.tracker import TrackedBodies
from hal.trackers.rotation import (
    angles_from_matrix,
    matrix_from_angles,
    rates_from_spin,
    rotation_vector,
)
from hal.types import Vector

_NS_PER_S = 1e9

STALE_S = 0.1
"""Usual age at which a pose is no longer valid."""


class PoseFilter:
    """The last pose of one body and its smoothed velocity.

    Args:
        time_constant_s: of the low-pass; at 100 Hz, 0.03 s averages about three differences.
    """

    def __init__(self, time_constant_s: float = 0.03) -> None:
        self._time_constant_s = time_constant_s
        self.pose = np.zeros(6)
        self.restart()

    @property
    def is_settled(self) -> bool:
        """Whether there is a velocity: two poses since the start."""
        return self._velocity is not None

    @property
    def velocity(self) -> Vector:
        """[6] time derivatives of `pose`; zeros until settled."""
        if self._velocity is None:
            return np.zeros(6)
        rates = rates_from_spin(self.pose[3:], self._velocity[3:])
        return np.concatenate([self._velocity[:3], rates])

    def restart(self) -> None:
        """Forget the velocity: what comes next has nothing to do with what came before."""
        self._time_s: float | None = None
        self._velocity: Vector | None = None

    def update(self, time_s: float, position_m: Vector, matrix: Vector) -> bool:
        """Take the pose measured at `time_s`; False, and left out, when not newer than the last.

        Args:
            time_s: on any clock that keeps running.
            position_m: [3].
            matrix: [3, 3] rotation matrix.
        """
        if self._time_s is not None:
            elapsed_s = time_s - self._time_s
            if elapsed_s <= 0.0:
                return False
            turn = rotation_vector(matrix @ matrix_from_angles(self.pose[3:]).T)
            self._blend(np.concatenate([position_m - self.pose[:3], turn]) / elapsed_s, elapsed_s)
        self._time_s = time_s
        self.pose = np.concatenate([position_m, angles_from_matrix(matrix)])
        return True

    def _blend(self, velocity: Vector, elapsed_s: float) -> None:
        if self._velocity is None:
            self._velocity = velocity
        else:
            weight = -np.expm1(-elapsed_s / self._time_constant_s)
            self._velocity = self._velocity + weight * (velocity - self._velocity)


class BodyTracks:
    """All bodies of a tracker, each with the age of its last pose.

    Args:
        count: B.
        stale_s: a pose older than this is not valid.

    Raises:
        ValueError: `stale_s` is not positive.
    """

    def __init__(self, count: int, stale_s: float) -> None:
        if not stale_s > 0.0:
            raise ValueError(f"stale_s is {stale_s}, expected a positive time")
        self._stale_ns = round(stale_s * _NS_PER_S)
        self._filters = [PoseFilter() for _ in range(count)]
        self._stamps_ns = np.zeros(count, dtype=np.int64)

    def is_fresh(self, body: int, now_ns: int) -> bool:
        """Whether a pose of `body` came within the last `stale_s`."""
        stamp_ns = self._stamps_ns[body]
        return bool(stamp_ns > 0 and now_ns - stamp_ns <= self._stale_ns)

    def update(
        self, body: int, stamp_ns: int, time_s: float, position_m: Vector, matrix: Vector
    ) -> bool:
        """Take one pose of `body`; False, and left out, when not newer than the last fresh one.

        Args:
            body: 0 to B - 1.
            stamp_ns: monotonic time at which it was measured or came in; for its age.
            time_s: when it was measured, on the tracker's clock; for its velocity.
            position_m: [3].
            matrix: [3, 3].
        """
        if not self.is_fresh(body, stamp_ns):
            self._filters[body].restart()
        is_newer = self._filters[body].update(time_s, position_m, matrix)
        if is_newer:
            self._stamps_ns[body] = stamp_ns
        return is_newer

    def snapshot(self, now_ns: int) -> TrackedBodies:
        """Everything known at `now_ns`; valid is what is fresh and has a velocity."""
        valid = [
            self.is_fresh(body, now_ns) and track.is_settled
            for body, track in enumerate(self._filters)
        ]
        return TrackedBodies(
            stamp_ns=int(self._stamps_ns.max(initial=0)),
            pose=np.array([track.pose for track in self._filters]).reshape(-1, 6),
            velocity=np.array([track.velocity for track in self._filters]).reshape(-1, 6),
            valid=np.array(valid, dtype=np.bool_),
        )
