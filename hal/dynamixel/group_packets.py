"""Instructions to many servos in one packet."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from hal.dynamixel.errors import ProtocolError
from hal.dynamixel.packet import (
    BROADCAST_ID,
    MAX_SERVO_ID,
    Instruction,
    encode_instruction,
    span_bytes,
)


@lru_cache(maxsize=64)
def sync_read_packet(ids: tuple[int, ...], address: int, length: int, fast: bool) -> bytes:
    """Ask servos for the same registers.

    Raises:
        ProtocolError: no IDs, one twice, or a value that the packet cannot hold.
    """
    _check_ids(ids)
    instruction = Instruction.FAST_SYNC_READ if fast else Instruction.SYNC_READ
    return encode_instruction(BROADCAST_ID, instruction, span_bytes(address, length) + bytes(ids))


@lru_cache(maxsize=64)
def bulk_read_packet(items: tuple[tuple[int, int, int], ...], fast: bool) -> bytes:
    """Ask servos for registers of their own: (ID, address, length) each.

    Raises:
        ProtocolError: no IDs, one twice, or a value that the packet cannot hold.
    """
    _check_ids([servo_id for servo_id, _, _ in items])
    parameters = b"".join(
        bytes((servo_id,)) + span_bytes(address, length) for servo_id, address, length in items
    )
    instruction = Instruction.FAST_BULK_READ if fast else Instruction.BULK_READ
    return encode_instruction(BROADCAST_ID, instruction, parameters)


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
