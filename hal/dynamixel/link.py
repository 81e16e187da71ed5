"""One request and the statuses that answer it, on a line that all servos share.

The protocol has no transaction numbers: an answer that comes late looks like the answer to the
next request. So after every answer that failed to come, the next request waits until the line has
been quiet for as long as an adaptor may hold bytes back. What the protocol cannot tell is a second
answer of one servo that comes only after the next request: two servos of one ID do that, so a robot
with such a pair must not be used (`ServoBus.ping_replies` finds it).
"""

import time
from collections import deque
from collections.abc import Iterator

from hal.dynamixel.packet import BROADCAST_ID, HEAD_BYTES, Packet
from hal.dynamixel.parser import PacketParser
from hal.dynamixel.port import SerialPort
from hal.dynamixel.replies import BusCounters
from hal.dynamixel.units import BITS_PER_BYTE, RETURN_DELAY_S


class OwedAnswers:
    """Outstanding answers, so that a late one is never taken for the answer to another request.

    A status has the id of its sender and its length, not the request. Waiting for quiet makes it
    likely that nothing is on its way; but a host that was held up, or an adaptor that stalled, may
    deliver it later still. Outstanding answers are therefore kept until they have
    certainly arrived: the request by source (an ID, or the broadcast ID of common answers) and
    length of the answer.
    """

    def __init__(self) -> None:
        self._asked: dict[int, dict[int, bytes | None]] = {}

    def __bool__(self) -> bool:
        return bool(self._asked)

    def add(self, source: int, length: int, request: bytes) -> None:
        """Note that an answer of `length` data bytes to `request` did not come."""
        asked = self._asked.setdefault(source, {})
        asked[length] = request if asked.get(length, request) == request else None

    def has(self, source: int, length: int) -> bool:
        """Whether an answer of that length is outstanding."""
        return length in self._asked.get(source, ())

    def confuses(self, source: int, length: int, request: bytes) -> bool:
        """Whether an outstanding answer could be taken for the answer to `request`."""
        asked = self._asked.get(source)
        return asked is not None and asked.get(length, request) != request

    def forget(self, source: int) -> None:
        """Note that all outstanding answers of `source` have arrived."""
        self._asked.pop(source, None)


_NS = 1_000_000_000
_MIN_QUIET_S = 0.002
_MAX_RETURN_DELAY_NS = round(254 * RETURN_DELAY_S * _NS)
_REMEMBERED_REQUESTS = 4
_SMALLEST_LIMIT_BYTES = 128


class Link:
    """The host's end of the line.

    Args:
        port: open.
        turnaround_s: added to the time that the bytes take on the wire: the host's, the adaptor's
            and the servo's own delays.

    Attributes:
        last_error: error byte of the last answer to a request to one servo.
        owed: outstanding answers.
    """

    def __init__(self, port: SerialPort, turnaround_s: float) -> None:
        self.port = port
        self.last_error = 0
        self.owed = OwedAnswers()
        self._turnaround_ns = round(turnaround_s * _NS)
        self._byte_ns = BITS_PER_BYTE * _NS / port.baud_rate
        self._quiet_ns = _quiet_ns(port)
        self._parser = PacketParser()
        self._counters = BusCounters()
        self._sent: deque[bytes] = deque(maxlen=_REMEMBERED_REQUESTS)
        self._unclaimed: list[Packet] = []
        self._may_be_late = False
        self._last_byte_ns = time.monotonic_ns()

    @property
    def counters(self) -> BusCounters:
        """Events so far; the object stays the same."""
        self._counters.crc_errors = self._parser.crc_errors
        self._counters.skipped_bytes = self._parser.skipped_bytes
        self._counters.stolen_reads = self.port.stolen_reads
        return self._counters

    def deadline_ns(self, sent_bytes: int, reply_bytes: int, replies: int = 1) -> int:
        """When at the latest all answers to a request sent now must be there, in nanoseconds."""
        wire_ns = round((sent_bytes + reply_bytes) * self._byte_ns)
        drain_ns = 2 * self._quiet_ns if self._may_be_late else 0
        allowed_ns = wire_ns + drain_ns + self._turnaround_ns + replies * _MAX_RETURN_DELAY_NS
        return time.monotonic_ns() + allowed_ns

    def send(self, packet: bytes) -> None:
        """Send a packet that is not answered, at once.

        Raises:
            PortError: the port was lost, is stuck or closed.
        """
        self._sent.append(packet)
        self.port.write(packet)

    def request(self, packet: bytes, deadline_ns: int) -> bool:
        """Send what shall be answered, once no earlier answer can be taken for its own.

        Returns:
            False: the line did not become quiet before `deadline_ns` and nothing was sent.

        Raises:
            PortError: the port was lost, is stuck or closed.
        """
        self._count_late(self._unclaimed)
        self._unclaimed = []
        waiting = self.port.read_some(0)
        if waiting:
            self._hear_late(waiting)
        if self._may_be_late and not self._drain(deadline_ns):
            return False
        self.send(packet)
        return True

    def statuses(self, deadline_ns: int, longest_bytes: int) -> Iterator[Packet]:
        """Statuses as they come, until the caller has what it wants or the deadline has passed.

        Args:
            deadline_ns: absolute; kept also while bytes go on coming.
            longest_bytes: of the packets that may be expected; longer ones are noise.

        Raises:
            PortError: the port was lost or closed.
        """
        longest_sent = max(map(len, self._sent), default=0)
        self._parser.max_packet_bytes = max(_SMALLEST_LIMIT_BYTES, longest_bytes, longest_sent)
        late = False
        while not late:
            data = self.port.read_some(deadline_ns)
            late = time.monotonic_ns() >= deadline_ns
            self._unclaimed = self._parser.feed(data) if data else []
            if late:
                self._unclaimed += self._parser.finish()
            while self._unclaimed:
                packet = self._unclaimed.pop(0)
                if self._is_status(packet):
                    yield packet

    def is_foreign(self, status: Packet) -> bool:
        """Whether a status answers neither a present request nor an earlier one; counts it."""
        is_common = status.servo_id == BROADCAST_ID
        length = len(status.raw_body) + 1 if is_common else len(status.parameters)
        is_late = self.owed.has(status.servo_id, length)
        self._counters.late_packets += is_late
        self._counters.foreign_packets += not is_late
        return not is_late

    def missed(self, source: int, length: int, request: bytes) -> None:
        """Note that an answer did not come: it may yet, so the next request waits for quiet."""
        self._counters.timeouts += 1
        self.owed.add(source, length, request)
        self.expect_late()

    def expect_late(self) -> None:
        """Note that an answer may arrive that is not waited for."""
        self._may_be_late = True
        self._last_byte_ns = time.monotonic_ns()

    def _drain(self, deadline_ns: int) -> bool:
        """Wait until the line has been quiet long enough; False if the deadline came first."""
        while (quiet_at_ns := self._last_byte_ns + self._quiet_ns) > time.monotonic_ns():
            if time.monotonic_ns() >= deadline_ns:
                return False
            data = self.port.read_some(min(quiet_at_ns, deadline_ns))
            if data:
                self._hear_late(data)
        self._count_late(self._parser.finish())
        self._may_be_late = False
        return True

    def _hear_late(self, data: bytes) -> None:
        """Count what came before the request; anything but an echo means that more may come."""
        skipped = self._parser.skipped_bytes
        statuses = self._count_late(self._parser.feed(data))
        if statuses or self._parser.skipped_bytes > skipped or self._may_be_late:
            self.expect_late()

    def _count_late(self, packets: list[Packet]) -> int:
        statuses = sum(map(self._is_status, packets))
        self._counters.late_packets += statuses
        return statuses

    def _is_status(self, packet: Packet) -> bool:
        """Whether a servo sent it; counts what is not."""
        if packet.is_status:
            return True
        if any(_is_echo(packet, sent) for sent in self._sent):
            self._counters.echoes += 1
        else:
            self._counters.foreign_packets += 1
        return False


def _is_echo(packet: Packet, sent: bytes) -> bool:
    return sent[4] == packet.servo_id and sent[HEAD_BYTES:-2] == packet.raw_body


def _quiet_ns(port: SerialPort) -> int:
    """How long nothing must have come for nothing to be on its way."""
    timer_ms = port.latency_timer_ms() if not port.low_latency else None
    return round(max(_MIN_QUIET_S, (timer_ms or 0) / 1000) * _NS)
