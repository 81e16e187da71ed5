"""A request to one servo: its answer, or which of the ways it failed."""

import time

from hal.dynamixel.errors import (
    BadStatusError,
    BusTimeoutError,
    ProtocolError,
    ServoStatusError,
)
from hal.dynamixel.link import Link
from hal.dynamixel.packet import (
    BROADCAST_ID,
    MAX_SERVO_ID,
    STATUS_OVERHEAD_BYTES,
    Instruction,
    Packet,
    encode_instruction,
    stuffed_bytes,
)
from hal.dynamixel.registers import Register
from hal.dynamixel.replies import Ping
from hal.dynamixel.settle import settle
from hal.dynamixel.status import ALERT

PING_BYTES = 3


def ask(
    link: Link,
    servo_id: int,
    instruction: Instruction,
    parameters: bytes,
    length: int,
    what: str,
    deadline_ns: int | None = None,
) -> Packet:
    """Send and wait for the status of that servo with exactly `length` bytes.

    Args:
        what: the request in words, for errors.
        deadline_ns: absolute; None: as long as the answer can take.

    Raises:
        BusTimeoutError: no answer in time.
        ServoStatusError: the servo refused.
        BadStatusError: only answers of another length came.
        PortError: the port was lost, is stuck or closed.
        ProtocolError: no such ID, or too many bytes.
    """
    check_servo_id(servo_id)
    packet = encode_instruction(servo_id, instruction, parameters)
    reply_bytes = STATUS_OVERHEAD_BYTES + stuffed_bytes(length)
    begin_ns = time.monotonic_ns()
    asked = parameters if instruction is Instruction.READ else packet  # as in a read of many
    certain = not link.owed.confuses(servo_id, length, asked)
    certain = certain or settle(link, servo_id, servo_id, deadline_ns)
    if deadline_ns is None:
        deadline_ns = link.deadline_ns(len(packet), reply_bytes)
    wrong = None
    if certain and link.request(packet, deadline_ns):
        for status in link.statuses(deadline_ns, reply_bytes):
            if status.servo_id != servo_id:
                link.is_foreign(status)
                continue
            link.last_error = status.error
            if status.error & ~ALERT:
                raise ServoStatusError(what, servo_id=servo_id, error=status.error)
            if len(status.parameters) == length:
                return status
            link.counters.bad_statuses += 1
            wrong = status
    if wrong is not None:
        link.owed.add(servo_id, length, asked)
        link.expect_late()
        raise BadStatusError(
            f"servo {servo_id} answered {what} with {len(wrong.parameters)} bytes,"
            f" expected {length}",
            servo_id=servo_id,
        )
    link.missed(servo_id, length, asked)
    waited_ms = (time.monotonic_ns() - begin_ns) / 1e6
    raise BusTimeoutError(
        f"servo {servo_id} did not answer {what} within {waited_ms:.1f} ms;"
        " is it powered, and at this baud rate?",
        servo_id=servo_id,
    )


def ask_write(
    link: Link,
    servo_id: int,
    instruction: Instruction,
    register: Register,
    value: int,
    deadline_ns: int | None,
) -> None:
    """Write one register, now (WRITE) or at the next action (REG_WRITE).

    Raises:
        RegisterError: read only or out of range; nothing was sent.
        BusTimeoutError, ServoStatusError, BadStatusError, PortError, ProtocolError: as `ask`.
    """
    what = f"{instruction.name.lower()} of {register.name} = {value}"
    ask(link, servo_id, instruction, write_parameters(register, value), 0, what, deadline_ns)


def ask_restart(
    link: Link, servo_id: int, instruction: Instruction, parameters: bytes, what: str
) -> bool:
    """Ask for something after which the servo restarts; whether it answered before it went.

    Raises:
        ServoStatusError: it refused.
        PortError, ProtocolError: as `ask`.
    """
    try:
        ask(link, servo_id, instruction, parameters, 0, what)
    except (BusTimeoutError, BadStatusError):
        return False
    return True


def listen_pings(link: Link, servo_id: int, deadline_ns: int) -> tuple[Ping, ...]:
    """Ping one servo or all, and take every answer until the deadline.

    Raises:
        PortError, ProtocolError: as `ask`.
    """
    packet = encode_instruction(servo_id, Instruction.PING)
    pings: list[Ping] = []
    if link.request(packet, deadline_ns):
        for status in link.statuses(deadline_ns, STATUS_OVERHEAD_BYTES + stuffed_bytes(PING_BYTES)):
            if len(status.parameters) == PING_BYTES:
                pings.append(as_ping(status))
            else:
                link.counters.bad_statuses += 1
    link.expect_late()
    return tuple(pings)


def as_ping(status: Packet) -> Ping:
    """Model and firmware from the answer to a ping."""
    model_number = int.from_bytes(status.parameters[:2], "little")
    return Ping(status.servo_id, model_number, status.parameters[2])


def write_parameters(register: Register, value: int) -> bytes:
    """Of a write.

    Raises:
        RegisterError: read only or out of range.
    """
    return register.address.to_bytes(2, "little") + register.encode_write(value)


def check_servo_id(servo_id: int) -> None:
    """Refuse what is not the ID of one servo.

    Raises:
        ProtocolError: it is not.
    """
    if not 0 <= servo_id <= MAX_SERVO_ID:
        broadcast = "; all servos together never answer" if servo_id == BROADCAST_ID else ""
        raise ProtocolError(f"servo ID {servo_id}: expected 0 to {MAX_SERVO_ID}{broadcast}")
