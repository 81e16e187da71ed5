"""One register of several servos at once, each write confirmed by reading it back.

A Sync Write is never answered, so every step that must not fail silently goes through here. While
nothing moves there is no hurry, and a host, a USB hub or a virtual machine may stand still for a
tenth of a second without anything being wrong. A robot in motion has no such time.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.errors import ServoStatusError
from hal.dynamixel.registers import Register, runs
from hal.dynamixel.servo import Servo, names_of
from hal.errors import HalError, RobotReadError, RobotWriteError

_WRITES = 3
_READS = 8
_READS_AT_ONCE = 3
_PAUSE_S = 0.03  # between the later ones; short enough for a bus watchdog that is armed already


class ServoGroup:
    """Servos that are read and written together.

    Args:
        bus: that they are on.
        servos: at least one; the registers used must lie alike in all their tables.
        in_motion: the robot may be moving: a silent servo is read three times only, which takes
            some 30 ms, in place of eight times in about a quarter of a second.
    """

    def __init__(self, bus: ServoBus, servos: Sequence[Servo], *, in_motion: bool = False) -> None:
        self.bus = bus
        self._reads = _READS_AT_ONCE if in_motion else _READS
        self.servos = tuple(servos)

    @property
    def ids(self) -> tuple[int, ...]:
        """In order."""
        return tuple(servo.id for servo in self.servos)

    def read(self, name: str) -> dict[int, int]:
        """Value of register `name` by servo id, complete.

        Raises:
            RobotReadError: SERVO_SILENT.
        """
        register = self._register(name)
        data = self.read_block(register.address, register.size)
        return {servo_id: register.decode(value) for servo_id, value in data.items()}

    def read_block(self, address: int, length: int) -> dict[int, bytes]:
        """Bytes by servo id, complete.

        Raises:
            RobotReadError: SERVO_SILENT.
        """
        found: dict[int, bytes] = {}
        for attempt in range(self._reads):
            if attempt >= _READS_AT_ONCE:
                time.sleep(_PAUSE_S)
            wanted = [servo_id for servo_id in self.ids if servo_id not in found]
            found.update(self.bus.sync_read(wanted, address, length).data)
            if len(found) == len(self.servos):
                return found
        missing = [servo for servo in self.servos if servo.id not in found]
        raise RobotReadError(
            f"no answer from {names_of(missing)} to {self._reads} reads of {length} byte(s) at "
            f"{address}",
            reason="SERVO_SILENT",
        )

    def read_all(self, names: Iterable[str]) -> dict[int, dict[str, int]]:
        """Values of several registers by servo id and name, complete.

        Raises:
            RobotReadError: SERVO_SILENT.
        """
        values: dict[int, dict[str, int]] = {servo_id: {} for servo_id in self.ids}
        for run in runs(self._register(name) for name in names):
            start = run[0].address
            found = self.read_block(start, run[-1].address + run[-1].size - start)
            for servo_id, data in found.items():
                for r in run:
                    part = data[r.address - start : r.address - start + r.size]
                    values[servo_id][r.name] = r.decode(part)
        return values

    def write(self, name: str, values: int | Mapping[int, int], *, reason: str) -> None:
        """Write register `name` and read it back, up to three times.

        Args:
            values: one for all, or by servo id.
            reason: of the error when it does not hold.

        Raises:
            RobotWriteError: with `reason`; names the servos and their answers.
            RobotReadError: SERVO_SILENT.
        """
        register = self._register(name)
        wanted = dict.fromkeys(self.ids, values) if isinstance(values, int) else dict(values)
        packets = {servo_id: register.encode_write(value) for servo_id, value in wanted.items()}
        found: dict[int, int] = {}
        for _ in range(_WRITES):
            self.bus.sync_write(register.address, packets)
            found = self.read(name)
            packets = {i: data for i, data in packets.items() if found[i] != wanted[i]}
            if not packets:
                return
        self._explain(register, {i: wanted[i] for i in packets}, found, reason)

    def write_block(self, address: int, data: bytes, *, reason: str) -> None:
        """The same bytes to all servos, read back; nothing is sent where they are there already.

        Raises:
            RobotWriteError: with `reason`.
            RobotReadError: SERVO_SILENT.
        """
        wrong = self.servos
        for _ in range(_WRITES + 1):
            found = self.read_block(address, len(data))
            wrong = [servo for servo in self.servos if found[servo.id] != data]
            if not wrong:
                return
            self.bus.sync_write(address, {servo.id: data for servo in wrong})
        raise RobotWriteError(
            f"{names_of(list(wrong))} did not take {len(data)} byte(s) at {address}", reason=reason
        )

    def _explain(
        self, register: Register, wanted: dict[int, int], found: dict[int, int], reason: str
    ) -> NoReturn:
        """Write to the first servo alone: only a direct write is answered with the cause."""
        servo = next(s for s in self.servos if s.id in wanted)
        value = wanted[servo.id]
        said = f"it reads back as {found[servo.id]}"
        cause: HalError | None = None
        try:
            self.bus.write(servo.id, register, value)
        except ServoStatusError as error:
            said, cause = str(error), error
        others = [s for s in self.servos if s.id in wanted and s is not servo]
        more = f"; likewise {names_of(others)}" if others else ""
        raise RobotWriteError(
            f"{servo}: {register.name} = {value} does not hold: {said}{more}", reason=reason
        ) from cause

    def _register(self, name: str) -> Register:
        return self.servos[0].table[name]
