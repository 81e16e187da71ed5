"""When bytes pass: the time that a real line, its servos and its USB adapter take.

A byte is ten bits. Host and servos share one line, so nothing starts before the line is free. The
adapter keeps what it receives until the line has been quiet for its latency time, or a USB packet
is full; so each exchange pays that time once, as in the table of loop rates of the servo manual's
timing (reference: FTDI latency timer, section 4 of the bus reference).
"""

from bisect import insort
from dataclasses import dataclass, field

BITS_PER_BYTE = 10
# Payload of one high-speed bulk packet of the adapter: 512 bytes less two of modem status.
USB_PACKET_BYTES = 510
_SECOND_NS = 1_000_000_000


def transmission_ns(count: int, baud: int) -> int:
    """Time of `count` bytes on a line of `baud` bit/s."""
    return count * BITS_PER_BYTE * _SECOND_NS // baud


class Line:
    """The half-duplex line: who may start when.

    Args:
        paced: off, everything passes in no time.
    """

    def __init__(self, paced: bool = True) -> None:
        self._paced = paced
        self._free_ns = 0

    def occupy(self, count: int, baud: int, not_before_ns: int) -> tuple[int, int]:
        """Send `count` bytes as soon as the line is free: their start and end."""
        if not self._paced:
            return not_before_ns, not_before_ns
        start = max(not_before_ns, self._free_ns)
        self._free_ns = start + transmission_ns(count, baud)
        return start, self._free_ns


@dataclass(frozen=True, slots=True, order=True)
class Burst:
    """Bytes on their way to the host, contiguous on the line from start to end."""

    end_ns: int
    start_ns: int
    data: bytes = field(compare=False)


class UsbAdapter:
    """What the adapter has received, or will receive, and not handed over yet.

    Args:
        latency_ns: quiet time after which a part-filled USB packet is sent.
    """

    def __init__(self, latency_ns: int) -> None:
        self.latency_ns = latency_ns
        self._bursts: list[Burst] = []

    def receive(self, burst: Burst) -> None:
        """Note a burst that arrives at its `end_ns`."""
        insort(self._bursts, burst)

    def discard(self) -> None:
        """Forget everything, as when the cable is pulled."""
        self._bursts.clear()

    @property
    def due_ns(self) -> int | None:
        """When something is to be handed over next; None when nothing is on its way."""
        return self._next_packet()[1] if self._bursts else None

    def release(self, now_ns: int) -> bytes:
        """What the host gets at `now_ns`; b"" when it is not time yet."""
        handed: list[bytes] = []
        while self._bursts:
            count, due_ns = self._next_packet()
            if due_ns > now_ns:
                break
            handed += [burst.data for burst in self._bursts[:count]]
            del self._bursts[:count]
        return b"".join(handed)

    def _next_packet(self) -> tuple[int, int]:
        """How many bursts go together, and when."""
        size = 0
        for index, burst in enumerate(self._bursts):
            size += len(burst.data)
            if size >= USB_PACKET_BYTES:
                return index + 1, burst.end_ns
            following = self._bursts[index + 1 : index + 2]
            if not following or following[0].start_ns - burst.end_ns > self.latency_ns:
                return index + 1, burst.end_ns + self.latency_ns
        raise AssertionError("called without bursts")
