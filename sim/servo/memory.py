"""The bytes of a control table, also behind indirect addresses, and which writes are refused.

Source: e-manual, control table, Indirect Address (168), ranges and limits of each register;
Protocol 2.0, Status Packet, Error.
"""

from dataclasses import dataclass

from hal.dynamixel.registers import Access, ControlTable, Register
from hal.dynamixel.status import StatusErrorNumber

FIRST_FIRMWARE = {
    "drive_mode": 38,
    "bus_watchdog": 38,
    "startup_configuration": 45,
    "backup_ready": 45,
}
"""Firmware that brought a register; before it there was nothing at its address."""

POSITION_MODE = 3
GOALS = ("goal_pwm", "goal_current", "goal_velocity", "goal_position")

_MODES = frozenset({1, 3, 4, 16})
_CURRENT_MODES = frozenset({0, 5})
_DRIVE_MODE_BITS = ((38, 0x01), (42, 0x04), (45, 0x08))
_LIMIT_OF_GOAL = {
    "goal_pwm": "pwm_limit",
    "goal_current": "current_limit",
    "goal_velocity": "velocity_limit",
}

_INDIRECT_ADDRESS = "indirect_address_"
_INDIRECT_DATA = "indirect_data_"


class Memory:
    """Values of all registers.

    Args:
        table: of the model.
        firmware: version, which decides about what exists.
    """

    def __init__(self, table: ControlTable, firmware: int) -> None:
        self.registers = tuple(
            register
            for register in table.registers
            if firmware >= FIRST_FIRMWARE.get(register.name, 0)
        )
        self._by_name = {register.name: register for register in self.registers}
        self._by_address = {register.address: register for register in self.registers}
        self._spans = {
            register.name: (register.address, register.address + register.size, register.signed)
            for register in self.registers
        }
        end = max(end for _start, end, _is_signed in self._spans.values())
        self._bytes = bytearray(end)
        self._owner: list[Register | None] = [None] * end
        for register in self.registers:
            for address in range(register.address, register.address + register.size):
                self._owner[address] = register
        # Where a byte really lies: itself, except for indirect data.
        self._place = list(range(end))
        for register in self.registers:
            self.set(register.name, register.default)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> int:
        """Value of a register. Raises: KeyError, no such register on this model and firmware."""
        start, end, is_signed = self._spans[name]
        return int.from_bytes(self._bytes[start:end], "little", signed=is_signed)

    def get(self, name: str, missing: int = 0) -> int:
        """Value of a register that this model or firmware may lack."""
        return self[name] if name in self._by_name else missing

    def register(self, name: str) -> Register:
        """Description of a register. Raises: KeyError, no such register."""
        return self._by_name[name]

    def set(self, name: str, value: int) -> None:
        """Store a value; nothing is checked but the width."""
        register = self._by_name[name]
        start = register.address
        self._bytes[start : start + register.size] = register.encode(value)
        if name.startswith(_INDIRECT_ADDRESS):
            data = self._by_name[_INDIRECT_DATA + name.removeprefix(_INDIRECT_ADDRESS)]
            self._place[data.address] = value

    def put(self, address: int, data: bytes) -> None:
        """Store bytes of neighbouring registers; nothing is checked."""
        self._bytes[address : address + len(data)] = data

    def read(self, address: int, length: int) -> bytes | None:
        """Bytes as a read gives them; gaps between registers read as 0.

        Returns:
            None if the range leaves the table or holds no register at all.
        """
        end = address + length
        if end > len(self._bytes) or not any(self._owner[address:end]):
            return None
        return bytes([self._bytes[place] for place in self._place[address:end]])

    def split(self, address: int, data: bytes) -> list[tuple[Register, int]] | StatusErrorNumber:
        """The registers that a write of `data` at `address` sets, in order, with their values.

        Returns:
            ACCESS if a byte belongs to no register, DATA_LENGTH if a register is covered in part.
        """
        if address + len(data) > len(self._bytes):
            return StatusErrorNumber.ACCESS
        if not data:
            return StatusErrorNumber.DATA_LENGTH
        first = self._by_address.get(address)
        if first is not None and first.size == len(data) > 1:
            return [(first, first.decode(data))]
        written: dict[int, int] = {}
        touched: dict[str, Register] = {}
        for place, byte in zip(self._place[address : address + len(data)], data, strict=True):
            register = self._owner[place]
            if register is None:
                return StatusErrorNumber.ACCESS
            written[place] = byte
            touched[register.name] = register
        writes: list[tuple[Register, int]] = []
        for register in touched.values():
            places = range(register.address, register.address + register.size)
            if any(place not in written for place in places):
                return StatusErrorNumber.DATA_LENGTH
            writes.append((register, register.decode(bytes(written[place] for place in places))))
        return writes


@dataclass(frozen=True, slots=True)
class Locks:
    """What bars registers for the moment.

    Attributes:
        is_torque_on: locks the EEPROM and, as the maker's examples have it, indirect addresses.
        is_watchdog_tripped: makes goals read-only.
    """

    is_torque_on: bool
    is_watchdog_tripped: bool


def refusal(
    memory: Memory, firmware: int, locks: Locks, register: Register, value: int
) -> StatusErrorNumber | None:
    """The error number by which a write of `value` is refused; None if it is taken."""
    if register.access is Access.READ:
        return StatusErrorNumber.ACCESS
    is_map = register.name.startswith("indirect_address")
    if locks.is_torque_on and (register.is_eeprom or is_map):
        return StatusErrorNumber.ACCESS
    if not register.minimum <= value <= register.maximum:
        return StatusErrorNumber.DATA_RANGE
    if locks.is_watchdog_tripped and (
        register.name in GOALS or (register.name == "bus_watchdog" and value != 0)
    ):
        return StatusErrorNumber.DATA_RANGE
    if register.name in ("operating_mode", "drive_mode"):
        allowed = _is_known_mode if register.name == "operating_mode" else _is_known_drive
        return None if allowed(memory, firmware, value) else StatusErrorNumber.DATA_RANGE
    return None if _is_inside_limits(memory, register.name, value) else StatusErrorNumber.DATA_LIMIT


def _is_known_mode(memory: Memory, _firmware: int, value: int) -> bool:
    return value in _MODES or (value in _CURRENT_MODES and "goal_current" in memory)


def _is_known_drive(_memory: Memory, firmware: int, value: int) -> bool:
    known = sum(bit for first, bit in _DRIVE_MODE_BITS if firmware >= first)
    return value & ~known == 0


def _is_inside_limits(memory: Memory, name: str, value: int) -> bool:
    """Goals end where the limit registers say; positions only in position mode."""
    if name in _LIMIT_OF_GOAL:
        return abs(value) <= memory[_LIMIT_OF_GOAL[name]]
    if name == "goal_position" and memory["operating_mode"] == POSITION_MODE:
        return memory["min_position_limit"] <= value <= memory["max_position_limit"]
    return True
