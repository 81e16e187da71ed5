"""Poses from any motion capture system that sends JSON datagrams; see hal.trackers.datagram.

Anyone who can reach the address can falsify the measured pose of the torso: listen on the loopback
address or on that of a network of its own.
"""

import errno
import socket
import struct
import time
from collections.abc import Mapping
from types import MappingProxyType

from hal.clock import Clock, WallClock
from hal.errors import TrackerError
from hal.tracker import TrackedBodies
from hal.trackers.datagram import SIZE_MAX_BYTES, PoseDatagram, parse_datagram
from hal.trackers.filter import STALE_S, BodyTracks
from hal.trackers.rotation import matrix_from_quaternion

_COUNTED: tuple[str, ...] = ("accepted", "malformed", "too_large", "unknown_body", "out_of_order")
_COUNTER_OF = {"DATAGRAM_TOO_LARGE": "too_large", "DATAGRAM_MALFORMED": "malformed"}
# So many fit the socket's buffer: one look always empties it, and a flood cannot hold it up.
_BUFFER_BYTES = 128 * 1024
_DATAGRAMS_PER_READ = 512
_SO_TIMESTAMPNS = 35  # Linux: the kernel's arrival time comes with each datagram
_TIMESPEC = struct.Struct("@ll")


class UdpTracker:
    """Poses that come in as datagrams.

    Args:
        bodies: the B bodies to report.
        listen: "host:port" on which datagrams arrive; port 0 takes a free one.
        stale_s: a pose that came in longer ago is not valid.
        names: body to the sender's name of it, where that is another.
        clock: for the age of poses; the wall clock unless given.

    Raises:
        TrackerError: an address or a map of names that cannot be meant.
    """

    def __init__(
        self,
        bodies: tuple[str, ...],
        listen: str,
        *,
        stale_s: float = STALE_S,
        names: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._bodies = bodies
        self._host, self._port = _split_address(listen)
        self._index_of = _index_by_sender_name(bodies, names or {})
        self._clock = clock or WallClock()
        self._tracks = BodyTracks(len(bodies), stale_s)
        self._last = [-1] * len(bodies)
        self._counters = dict.fromkeys(_COUNTED, 0)
        self._last_refusal = ""
        self._socket: socket.socket | None = None

    @property
    def bodies(self) -> tuple[str, ...]:
        return self._bodies

    @property
    def counters(self) -> Mapping[str, int]:
        """Datagrams so far: accepted, malformed, too_large, unknown_body, out_of_order."""
        return MappingProxyType(self._counters)

    @property
    def last_refusal(self) -> str:
        """Why the last refused datagram was refused; empty before."""
        return self._last_refusal

    @property
    def address(self) -> str:
        """The "host:port" it listens on.

        Raises:
            TrackerError: not started.
        """
        host, port = self._started().getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def start(self) -> None:
        """Begin to listen; `read` shows whether poses arrive.

        Raises:
            TrackerError: TRACKER_ADDRESS, the address is in use or not one of this machine.
        """
        if self._socket is not None:
            return
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES // 2)  # doubled
            opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            opened.bind((self._host, self._port))
        except OSError as error:
            opened.close()
            raise TrackerError(
                f"cannot listen for poses on {self._host}:{self._port}: {error.strerror or error}; "
                f"{_remedy(error)}",
                reason="TRACKER_ADDRESS",
            ) from error
        self._socket = opened

    def read(self) -> TrackedBodies:
        """Take what has come in; never waits.

        Raises:
            TrackerError: not started, or the socket failed.
        """
        opened = self._started()
        for _ in range(_DATAGRAMS_PER_READ):
            try:
                data, control, _flags, _sender = opened.recvmsg(SIZE_MAX_BYTES + 1, 64)
            except BlockingIOError:
                break
            except OSError as error:
                raise TrackerError(f"the socket for poses failed: {error}") from error
            self._take(data, self._arrival_ns(control))
        return self._tracks.snapshot(self._clock.now_ns())

    def close(self) -> None:
        """Stop listening. Repeatable."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _started(self) -> socket.socket:
        if self._socket is None:
            raise TrackerError(f"the tracker on {self._host}:{self._port} is not started")
        return self._socket

    def _take(self, data: bytes, arrival_ns: int) -> None:
        try:
            pose = parse_datagram(data)
        except TrackerError as error:
            self._refuse(_COUNTER_OF[error.reason], str(error))
            return
        body = self._index_of.get(pose.body)
        if body is None:
            expected = ", ".join(self._index_of)
            self._refuse("unknown_body", f"pose of body {pose.body!r:.40}, expected {expected}")
        elif self._is_next(body, pose, arrival_ns):
            self._last[body] = pose.sequence
            self._counters["accepted"] += 1
        else:
            self._refuse(
                "out_of_order",
                f"pose {pose.sequence} of {pose.body!r} at {pose.time_s} s came after pose "
                f"{self._last[body]}: both must count up",
            )

    def _is_next(self, body: int, pose: PoseDatagram, arrival_ns: int) -> bool:
        """A sender that starts anew counts from 0 again: known by the silence before it."""
        if pose.sequence <= self._last[body] and self._tracks.is_fresh(body, arrival_ns):
            return False
        matrix = matrix_from_quaternion(pose.quaternion_wxyz)
        return self._tracks.update(body, arrival_ns, pose.time_s, pose.position_m, matrix)

    def _refuse(self, counter: str, why: str) -> None:
        self._counters[counter] += 1
        self._last_refusal = why

    def _arrival_ns(self, control: list[tuple[int, int, bytes]]) -> int:
        """Time of arrival at the kernel: a datagram that lay in the buffer is not fresh."""
        now_ns = self._clock.now_ns()
        for level, kind, content in control:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                seconds, nanoseconds = _TIMESPEC.unpack_from(content)
                return now_ns - max(0, time.time_ns() - seconds * 1_000_000_000 - nanoseconds)
        return now_ns


def _split_address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise TrackerError(
            f"cannot listen for poses on {listen!r}: expected host:port such as 127.0.0.1:9763",
            reason="TRACKER_ADDRESS",
        )
    return host, int(port)


def _index_by_sender_name(bodies: tuple[str, ...], names: Mapping[str, str]) -> dict[str, int]:
    if unknown := sorted(set(names) - set(bodies)):
        raise TrackerError(
            f"names are given for {', '.join(unknown)}, the tracked bodies are {', '.join(bodies)}",
            reason="TRACKER_BODY_UNKNOWN",
        )
    index_of = {names.get(body, body): index for index, body in enumerate(bodies)}
    if len(index_of) < len(bodies):
        raise TrackerError(
            f"two of the bodies {', '.join(bodies)} go by the same name in datagrams: "
            f"{', '.join(index_of)}",
            reason="TRACKER_BODY_UNKNOWN",
        )
    return index_of


def _remedy(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program listens there: stop it, or choose another port"
    return "choose an address of this machine, such as 127.0.0.1:9763"
