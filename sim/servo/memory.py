"""The bytes of a control table, with the second way to them through indirect addresses.

Rules that need no more than the table are here: which addresses exist on this firmware, which
writes cover whole registers. Source: e-manual, control table and Indirect Address (168).
"""

from hal.dynamixel.control_table import ControlTable, Register
from hal.dynamixel.status import StatusErrorNumber

FIRST_FIRMWARE = {
    "drive_mode": 38,
    "bus_watchdog": 38,
    "startup_configuration": 45,
    "backup_ready": 45,
}
"""Firmware that brought a register; before it there was nothing at its address."""

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
