"""Instructions to many servos in one packet."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from hal.dynamixel.errors import ProtocolError
from hal.dynamixel.packet import (
    BROADCAST_ID,
    MAX_SERVO_ID,
    Instruction,
    encode_instruction,
    span_bytes,
)


@dataclass(frozen=True, slots=True)
class GroupRead:
    """A question to several servos.

    Attributes:
        packet: as it goes out.
        lengths: data bytes expected of each ID, in the order in which they answer.
        spans: address and length of each ID as the packet requests them.
        fast: whether they answer with one common status.
    """

    packet: bytes
    lengths: Mapping[int, int]
    spans: Mapping[int, bytes]
    fast: bool

    @staticmethod
    @lru_cache(maxsize=64)
    def sync(ids: tuple[int, ...], address: int, length: int, fast: bool) -> "GroupRead":
        """The same registers of each.

        Raises:
            ProtocolError: no IDs, one twice, or a value that the packet cannot hold.
        """
        _check_ids(ids)
        span = span_bytes(address, length)
        instruction = Instruction.FAST_SYNC_READ if fast else Instruction.SYNC_READ
        packet = encode_instruction(BROADCAST_ID, instruction, span + bytes(ids))
        return GroupRead(packet, dict.fromkeys(ids, length), dict.fromkeys(ids, span), fast)

    @staticmethod
    def bulk(items: Mapping[int, tuple[int, int]], fast: bool) -> "GroupRead":
        """Registers of its own of each: ID to (address, length).

        Raises:
            ProtocolError: no IDs, or a value that the packet cannot hold.
        """
        _check_ids(items)
        spans = {servo_id: span_bytes(*span) for servo_id, span in items.items()}
        parameters = b"".join(b"%c%b" % item for item in spans.items())
        instruction = Instruction.FAST_BULK_READ if fast else Instruction.BULK_READ
        packet = encode_instruction(BROADCAST_ID, instruction, parameters)
        lengths = {servo_id: length for servo_id, (_, length) in items.items()}
        return GroupRead(packet, lengths, spans, fast)

    def without(self, ids: Collection[int]) -> "GroupRead":
        """The same question to the others, of whom there must be one."""
        items = {
            servo_id: (int.from_bytes(span[:2], "little"), self.lengths[servo_id])
            for servo_id, span in self.spans.items()
            if servo_id not in ids
        }
        (address, length), *others = set(items.values())
        if others:
            return GroupRead.bulk(items, self.fast)
        return GroupRead.sync(tuple(items), address, length, self.fast)


def sync_write_packet(address: int, values: Mapping[int, bytes]) -> bytes:
    """Write the same registers of several servos; none answers.

    Raises:
        ProtocolError: no IDs, data of several lengths, or a value that the packet cannot hold.
    """
    _check_ids(values)
    lengths = set(map(len, values.values()))
    if len(lengths) != 1:
        raise ProtocolError(f"sync write of {sorted(lengths)} bytes: expected one length for all")
    length = lengths.pop()
    parameters = [span_bytes(address, length)]
    for servo_id, data in values.items():
        parameters.append(b"%c%b" % (servo_id, data))
    return encode_instruction(BROADCAST_ID, Instruction.SYNC_WRITE, b"".join(parameters))


def bulk_write_packet(values: Mapping[int, tuple[int, bytes]]) -> bytes:
    """Write registers of their own of several servos: ID to (address, data); none answers.

    Raises:
        ProtocolError: no IDs, or a value that the packet cannot hold.
    """
    _check_ids(values)
    parameters = bytearray()
    for servo_id, (address, data) in values.items():
        parameters += bytes((servo_id,)) + span_bytes(address, len(data)) + data
    return encode_instruction(BROADCAST_ID, Instruction.BULK_WRITE, bytes(parameters))


def _check_ids(ids: Sequence[int] | Mapping[int, object]) -> None:
    if not ids:
        raise ProtocolError("no servo IDs: expected at least one")
    if len(set(ids)) != len(ids):
        raise ProtocolError(f"servo IDs {list(ids)}: one is given twice")
    for servo_id in ids:
        if not 0 <= servo_id <= MAX_SERVO_ID:
            raise ProtocolError(f"servo ID {servo_id}: expected 0 to {MAX_SERVO_ID}")
