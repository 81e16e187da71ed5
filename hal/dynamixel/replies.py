"""What goes into and comes out of an exchange on the bus, and what is counted of all of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum


class ResetScope(IntEnum):
    """What a factory reset sets back."""

    ALL = 0xFF
    KEEP_ID = 0x01
    KEEP_ID_AND_BAUD_RATE = 0x02


@dataclass(frozen=True, slots=True)
class Ping:
    """A servo that is there.

    Attributes:
        servo_id: 0 to 252.
        model_number: see `control_table_of`.
        firmware: version.
    """

    servo_id: int
    model_number: int
    firmware: int


@dataclass(frozen=True, slots=True)
class SyncReply:
    """The answers of several servos to one packet; a silent servo costs the others nothing.

    Attributes:
        data: of each servo that answered in full, by ID, in the order of the request.
        errors: error byte of each servo that answered at all, by ID. A servo with the alert bit
            alone has its data; one with an error number has none.
        missing: IDs without data, in the order of the request.
        foreign: packets of IDs that were not asked, or asked once and answering twice; not what an
            earlier request still waits for.
    """

    data: Mapping[int, bytes]
    errors: Mapping[int, int]
    missing: tuple[int, ...]
    foreign: int


@dataclass(slots=True)
class BusCounters:
    """Events since the bus was opened.

    Attributes:
        timeouts: answers that did not come.
        crc_errors: packets dropped since their checksum was wrong.
        skipped_bytes: bytes that belonged to no valid packet.
        foreign_packets: valid packets of an ID that was not asked, or from another host.
        late_packets: answers that came after their request was given up, or a second time.
        bad_statuses: answers of the wrong length, rejected.
        retries: requests repeated; counted by whoever repeats them.
        echoes: own packets that the adaptor sent back.
        stolen_reads: times that another process had taken bytes from the port.
    """

    timeouts: int = 0
    crc_errors: int = 0
    skipped_bytes: int = 0
    foreign_packets: int = 0
    late_packets: int = 0
    bad_statuses: int = 0
    retries: int = 0
    echoes: int = 0
    stolen_reads: int = 0

    def as_dict(self) -> dict[str, int]:
        """By name."""
        return asdict(self)
