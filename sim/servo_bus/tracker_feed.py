"""Poses of the robot's bodies as datagrams, the way a motion capture system sends them."""

import socket

from hal.trackers.datagram import PoseDatagram, encode_datagram
from hal.trackers.rotation import matrix_from_angles, quaternion_from_matrix
from sim.servo_bus.plant import Plant
from sim.servo_bus.settings import VirtualBusSettingsError

PERIOD_NS = 10_000_000


class TrackerFeed:
    """Sends all bodies' poses every 10 ms; with or without a receiver.

    Args:
        address: "host:port".
        plant: whose bodies.
        now_ns: when to begin.

    Raises:
        VirtualBusSettingsError: no such address.
    """

    def __init__(self, address: str, plant: Plant, now_ns: int) -> None:
        host, _, port = address.rpartition(":")
        try:
            found = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)
        except (OSError, ValueError) as error:
            raise VirtualBusSettingsError(
                f"tracker_udp is {address!r}, expected host:port: {error}"
            ) from error
        family, _, _, _, self._address = found[0]
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._plant = plant
        self._sequence = 0
        self.due_ns = now_ns

    def send(self, now_ns: int) -> None:
        """Send when it is time."""
        if now_ns < self.due_ns:
            return
        self.due_ns = max(self.due_ns + PERIOD_NS, now_ns)
        self._sequence += 1
        names = self._plant.spec.bodies
        for name, pose in zip(names, self._plant.body_pose(), strict=True):
            turn = quaternion_from_matrix(matrix_from_angles(pose[3:]))
            datagram = PoseDatagram(name, pose[:3], turn, self._sequence, now_ns / 1e9)
            try:
                self._socket.sendto(encode_datagram(datagram), self._address)
            except (BlockingIOError, ConnectionRefusedError):
                continue  # as on a real network: nobody there, or it cannot keep up

    def close(self) -> None:
        """Stop. Repeatable."""
        self._socket.close()
