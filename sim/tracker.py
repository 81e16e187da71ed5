"""The tracking system of a simulated robot: what cameras around it would report.

Its world is the room, floor at z = 0, while a task's poses count from where the description puts
the body: so the two differ by an origin, as on hardware.
"""

# MuJoCo's extension modules come without type stubs.
# pyright: reportAttributeAccessIssue=false
import mujoco
import numpy as np

from hal.clock import Clock
from hal.tracker import TrackedBodies
from hal.trackers.datagram import PoseDatagram, encode_datagram
from sim.body import body_states
from sim.scene import Scene


class MujocoTracker:
    """Tracks the bodies of a simulation without noise, delay or loss.

    Args:
        scene: with B bodies.
        data: the simulation; read only.
        bodies: their B names.
        clock: stamps the measurements.
    """

    def __init__(
        self, scene: Scene, data: mujoco.MjData, bodies: tuple[str, ...], clock: Clock
    ) -> None:
        self._scene = scene
        self._data = data
        self._bodies = bodies
        self._clock = clock

    @property
    def bodies(self) -> tuple[str, ...]:
        return self._bodies

    def start(self) -> None:
        """Nothing to do."""

    def read(self) -> TrackedBodies:
        """The bodies as they are in the simulation now."""
        scene, data = self._scene, self._data
        pose, velocity = body_states(scene, data)
        pose[:, :3] += scene.body_rest_m
        valid = np.ones(len(pose), dtype=np.bool_)
        return TrackedBodies(self._clock.now_ns(), pose, velocity, valid)

    def close(self) -> None:
        """Nothing to do."""


def body_datagram(
    scene: Scene, data: mujoco.MjData, sequence: int, time_s: float, name: str
) -> bytes:
    """The pose of the first body as a motion capture system would send it; see UdpTracker.

    Args:
        scene: with at least one body.
        data: the simulation; read only.
        sequence: counts up with each call.
        time_s: of the simulation's state, on a clock that keeps running.
        name: the sender's name of the body.
    """
    placed = data.qpos[scene.body_qpos[0]]
    return encode_datagram(
        PoseDatagram(
            body=name,
            position_m=placed[:3],
            quaternion_wxyz=placed[3:],
            sequence=sequence,
            time_s=time_s,
        )
    )
