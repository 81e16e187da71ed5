"""`ServoBus`: the requests of a host to the servos on one line.

The robot above it decides what a failure means. The bus reports each exchange as it was: it does
not retry, returns no old value as new, and accepts only an answer that matches the request.
Deadlines are of the monotonic clock and hold also while noise floods the line.
"""

import time
from collections.abc import Mapping, Sequence

from hal.dynamixel.collect import collect
from hal.dynamixel.errors import BusTimeoutError, ProtocolError
from hal.dynamixel.group_packets import (
    GroupRead,
    bulk_write_packet,
    sync_write_packet,
)
from hal.dynamixel.link import Link
from hal.dynamixel.packet import (
    BROADCAST_ID,
    MAX_SERVO_ID,
    STATUS_OVERHEAD_BYTES,
    Instruction,
    encode_instruction,
    span_bytes,
)
from hal.dynamixel.port import SerialPort
from hal.dynamixel.registers import Register
from hal.dynamixel.replies import BusCounters, Ping, ResetScope, SyncReply
from hal.dynamixel.request import (
    PING_BYTES,
    as_ping,
    ask,
    ask_restart,
    ask_write,
    check_servo_id,
    listen_pings,
    write_parameters,
)
from hal.dynamixel.units import BITS_PER_BYTE

_NS = 1_000_000_000
_PING_SLOT_S = 3e-3  # each possible ID is given, as the maker's own client does
_RESTART_S = 1.0
_CLEAR_MULTI_TURN = b"\x01DXL\x22"
_BACKUP_KEY = b"CTRL"
_BACKUP_STORE, _BACKUP_RESTORE = b"\x01", b"\x02"


class ServoBus:
    """All servos on one port, used from one thread.

    Deadlines (`deadline_ns`) are absolute monotonic nanoseconds; None is the time that the bytes
    and the slowest configurable servo take, plus `turnaround_s`. Every method raises PortError when
    the port is lost, stuck or closed, and ProtocolError for an ID that no servo has.

    Args:
        port: open; `close` closes it.
        turnaround_s: host, adaptor and servo delays that an answer may have beside its bytes.
    """

    def __init__(self, port: SerialPort, *, turnaround_s: float = 0.004) -> None:
        if not turnaround_s > 0:
            raise ProtocolError(f"turnaround_s is {turnaround_s}: expected more than 0")
        self.port = port
        self._link = Link(port, turnaround_s)

    @property
    def counters(self) -> BusCounters:
        """Events since the bus was made."""
        return self._link.counters

    @property
    def last_error(self) -> int:
        """Error byte of the last answer of one servo: it shows an alert that came with data."""
        return self._link.last_error

    def close(self) -> None:
        """Release the port. Repeatable."""
        self.port.close()

    def ping(self, servo_id: int, timeout_s: float = 0.02) -> Ping:
        """Model and firmware of a servo.

        Raises:
            BusTimeoutError, ServoStatusError, BadStatusError: no, a refusing or a malformed answer.
        """
        deadline_ns = _after(timeout_s)
        status = ask(self._link, servo_id, Instruction.PING, b"", PING_BYTES, "ping", deadline_ns)
        return as_ping(status)

    def ping_replies(self, servo_id: int, timeout_s: float = 0.02) -> tuple[Ping, ...]:
        """All answers to a ping within the time: more than one means two servos with one ID."""
        replies = listen_pings(self._link, servo_id, _after(timeout_s))
        return tuple(reply for reply in replies if reply.servo_id == servo_id)

    def broadcast_ping(self, timeout_s: float | None = None) -> tuple[Ping, ...]:
        """All servos that answer, in the order in which they do, two with one ID twice.

        Args:
            timeout_s: for all answers; None: as long as 253 servos may take, 0.8 s at 1 Mbaud.
        """
        if timeout_s is None:
            slots = MAX_SERVO_ID + 1
            wire_s = (STATUS_OVERHEAD_BYTES + PING_BYTES) * BITS_PER_BYTE / self.port.baud_rate
            timeout_s = slots * (wire_s + _PING_SLOT_S)
        return listen_pings(self._link, BROADCAST_ID, _after(timeout_s))

    def wait_for(self, servo_id: int, timeout_s: float = _RESTART_S) -> Ping:
        """Ping until the servo answers, as after a reboot.

        Raises:
            BusTimeoutError: it did not within `timeout_s`.
        """
        deadline_ns = _after(timeout_s)
        while True:
            try:
                return self.ping(servo_id)
            except BusTimeoutError:
                if time.monotonic_ns() >= deadline_ns:
                    raise

    def read(self, servo_id: int, register: Register, *, deadline_ns: int | None = None) -> int:
        """Counts of one register.

        Raises:
            BusTimeoutError, ServoStatusError, BadStatusError: no, a refusing or a malformed answer.
        """
        parameters = span_bytes(register.address, register.size)
        what = f"a read of {register.name}"
        status = ask(
            self._link, servo_id, Instruction.READ, parameters, register.size, what, deadline_ns
        )
        return register.decode(status.parameters)

    def read_block(
        self, servo_id: int, address: int, length: int, *, deadline_ns: int | None = None
    ) -> bytes:
        """`length` bytes of the table.

        Raises:
            BusTimeoutError, ServoStatusError, BadStatusError: no, a refusing or a malformed answer.
        """
        parameters = span_bytes(address, length)
        what = f"a read of {length} bytes at {address}"
        status = ask(self._link, servo_id, Instruction.READ, parameters, length, what, deadline_ns)
        return status.parameters

    def write(
        self,
        servo_id: int,
        register: Register,
        value: int,
        confirm: bool = True,
        *,
        deadline_ns: int | None = None,
    ) -> None:
        """Set one register.

        Args:
            confirm: wait for the servo's status. Without it the outcome is unknown.

        Raises:
            RegisterError: read only or out of range; nothing was sent.
            BusTimeoutError, ServoStatusError, BadStatusError: no, a refusing or a malformed answer.
        """
        if confirm:
            ask_write(self._link, servo_id, Instruction.WRITE, register, value, deadline_ns)
            return
        check_servo_id(servo_id)
        parameters = write_parameters(register, value)
        packet = encode_instruction(servo_id, Instruction.WRITE, parameters)
        self._link.send(packet)
        self._link.owed.add(servo_id, 0, packet)
        self._link.expect_late()

    def broadcast_write(self, register: Register, value: int) -> None:
        """Set one register of every servo at once. None answers; it never waits.

        Raises:
            RegisterError: read only or out of range; nothing was sent.
        """
        parameters = write_parameters(register, value)
        self._link.send(encode_instruction(BROADCAST_ID, Instruction.WRITE, parameters))

    def sync_read(
        self,
        servo_ids: Sequence[int],
        address: int,
        length: int,
        timeout_s: float | None = None,
        *,
        deadline_ns: int | None = None,
        fast: bool = False,
    ) -> SyncReply:
        """The same registers of several servos.

        Args:
            fast: one common answer, from firmware 45; a silent servo then breaks it for all.

        Returns:
            All answers that came: a silent servo is no error here.
        """
        if timeout_s is not None:
            deadline_ns = _after(timeout_s)
        request = GroupRead.sync(tuple(servo_ids), address, length, fast)
        return collect(self._link, request, deadline_ns)

    def bulk_read(
        self,
        items: Mapping[int, tuple[int, int]],
        *,
        deadline_ns: int | None = None,
        fast: bool = False,
    ) -> SyncReply:
        """Registers of its own of each servo: ID to (address, length). Otherwise as `sync_read`."""
        return collect(self._link, GroupRead.bulk(items, fast), deadline_ns)

    def sync_write(self, address: int, values: Mapping[int, bytes]) -> None:
        """Set the same registers of several servos. None answers; it never waits."""
        self._link.send(sync_write_packet(address, values))

    def bulk_write(self, values: Mapping[int, tuple[int, bytes]]) -> None:
        """Set registers of its own of each servo: ID to (address, data). None answers."""
        self._link.send(bulk_write_packet(values))

    # --- outside control cycles: registered writes, restarts, resets, backups

    def reg_write(self, servo_id: int, register: Register, value: int) -> None:
        """Store a value in a servo, to be written to its register at `action`.

        Raises:
            RegisterError: read only or out of range; nothing was sent.
            BusTimeoutError, ServoStatusError, BadStatusError: no, a refusing or a malformed answer.
        """
        ask_write(self._link, servo_id, Instruction.REG_WRITE, register, value, None)

    def action(self, servo_id: int = BROADCAST_ID) -> None:
        """Carry out what `reg_write` left; for all servos at once none answers.

        Raises:
            BusTimeoutError, ServoStatusError, BadStatusError: no, a refusing or a malformed answer.
        """
        if servo_id == BROADCAST_ID:
            self._link.send(encode_instruction(BROADCAST_ID, Instruction.ACTION))
        else:
            ask(self._link, servo_id, Instruction.ACTION, b"", 0, "action")

    def reboot(self, servo_id: int) -> bool:
        """Restart a servo: torque off, RAM to its defaults, error latches cleared.

        Returns:
            Whether it answered before the restart; some restart without. See `wait_for`.

        Raises:
            ServoStatusError: it refused.
        """
        return ask_restart(self._link, servo_id, Instruction.REBOOT, b"", "reboot")

    def factory_reset(self, servo_id: int, scope: ResetScope) -> bool:
        """Set a servo to its factory values; it restarts.

        Returns:
            Whether it answered before the restart.

        Raises:
            ServoStatusError: it refused.
            ProtocolError: no such scope; nothing was sent.
        """
        if scope not in tuple(ResetScope):
            raise ProtocolError(f"factory reset of scope {scope}: expected a ResetScope")
        parameters = bytes((scope,))
        return ask_restart(
            self._link, servo_id, Instruction.FACTORY_RESET, parameters, "factory reset"
        )

    def clear_multi_turn(self, servo_id: int) -> None:
        """Bring the present position back into one turn; the servo must stand still.

        Raises:
            BusTimeoutError, ServoStatusError, BadStatusError: no, a refusing or a malformed answer.
        """
        ask(self._link, servo_id, Instruction.CLEAR, _CLEAR_MULTI_TURN, 0, "clear")

    def store_backup(self, servo_id: int) -> None:
        """Let a servo keep a copy of its control table; from firmware 45, torque off.

        Raises:
            BusTimeoutError, ServoStatusError, BadStatusError: no, a refusing or a malformed answer.
        """
        ask(self._link, servo_id, Instruction.BACKUP, _BACKUP_STORE + _BACKUP_KEY, 0, "backup")

    def restore_backup(self, servo_id: int) -> bool:
        """Let a servo take the copy of its control table back; it restarts.

        Returns:
            Whether it answered before the restart.

        Raises:
            ServoStatusError: it refused.
        """
        parameters = _BACKUP_RESTORE + _BACKUP_KEY
        return ask_restart(self._link, servo_id, Instruction.BACKUP, parameters, "restore")


def _after(timeout_s: float) -> int:
    if not timeout_s > 0:
        raise ProtocolError(f"timeout_s is {timeout_s}: expected more than 0")
    return time.monotonic_ns() + round(timeout_s * _NS)
