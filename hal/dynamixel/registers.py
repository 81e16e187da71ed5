"""What a control table is: registers with where, how wide, who may write, which values.

One description serves the driver, which checks before it sends, and the simulated servos, which
answer as the real ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from operator import index
from types import MappingProxyType

from hal.dynamixel.errors import RegisterError

RAM_ADDRESS = 64
"""Registers below it survive power-off and can be written only while the torque is off."""


class Access(StrEnum):
    """Who may change a register."""

    READ = "R"
    READ_WRITE = "RW"


@dataclass(frozen=True, slots=True)
class Register:
    """One entry of a control table.

    Attributes:
        name: of the manual, in snake case.
        address: of its first byte.
        size: bytes; 1, 2 or 4.
        access: read only or also writable.
        signed: two's complement.
        default: in counts, at the factory or after power-on.
        minimum, maximum: counts that may be written, before limits that other registers set.
    """

    name: str
    address: int
    size: int
    access: Access
    signed: bool
    default: int
    minimum: int
    maximum: int

    @property
    def is_eeprom(self) -> bool:
        """Whether it survives power-off and is locked while the torque is on."""
        return self.address < RAM_ADDRESS

    @property
    def is_writable(self) -> bool:
        """Whether the host may write it."""
        return self.access is Access.READ_WRITE

    def encode(self, value: int) -> bytes:
        """Little-endian counts, of any value that fits the width.

        Raises:
            RegisterError: not an integer, or more than `size` bytes (REGISTER_VALUE).
        """
        try:
            return index(value).to_bytes(self.size, "little", signed=self.signed)
        except (OverflowError, TypeError) as error:
            raise RegisterError(
                f"{self.name} = {value!r}: expected an integer of {self.size} byte(s),"
                f" {'signed' if self.signed else 'not negative'}",
                reason="REGISTER_VALUE",
            ) from error

    def decode(self, data: bytes | bytearray | memoryview) -> int:
        """Counts of exactly `size` bytes.

        Raises:
            RegisterError: another number of bytes (REGISTER_LENGTH).
        """
        if len(data) != self.size:
            raise RegisterError(
                f"{self.name}: {len(data)} byte(s), expected {self.size}",
                reason="REGISTER_LENGTH",
            )
        return int.from_bytes(data, "little", signed=self.signed)

    def encode_write(self, value: int) -> bytes:
        """`encode` of a value that the host may write.

        Raises:
            RegisterError: read only (REGISTER_READ_ONLY), or outside the range (REGISTER_VALUE).
        """
        if not self.is_writable:
            raise RegisterError(
                f"{self.name} ({self.address}) is read only", reason="REGISTER_READ_ONLY"
            )
        data = self.encode(value)
        if not self.minimum <= value <= self.maximum:
            raise RegisterError(
                f"{self.name} = {value}: expected {self.minimum} to {self.maximum}",
                reason="REGISTER_VALUE",
            )
        return data


class ControlTable:
    """All registers of one model.

    Args:
        model_number: as a servo reports it.
        model_name: as the maker prints it.
        registers: in any order; none may overlap.

    Raises:
        ValueError: two registers of one name or on one byte.
    """

    def __init__(self, model_number: int, model_name: str, registers: Iterable[Register]) -> None:
        self.model_number = model_number
        self.model_name = model_name
        self.registers = tuple(sorted(registers, key=lambda register: register.address))
        self._by_name = MappingProxyType({entry.name: entry for entry in self.registers})
        self._by_address = MappingProxyType({entry.address: entry for entry in self.registers})
        if len(self._by_name) != len(self.registers):
            raise ValueError(f"{model_name}: two registers have one name")
        for first, second in zip(self.registers, self.registers[1:], strict=False):
            if first.address + first.size > second.address:
                raise ValueError(f"{model_name}: {first.name} and {second.name} overlap")

    def __getitem__(self, name: str) -> Register:
        """The register of that name.

        Raises:
            RegisterError: this model has none (UNKNOWN_REGISTER).
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise RegisterError(
                f"{self.model_name} has no register {name!r}", reason="UNKNOWN_REGISTER"
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __repr__(self) -> str:
        return f"ControlTable({self.model_name}, {len(self.registers)} registers)"

    @property
    def names(self) -> tuple[str, ...]:
        """All names, by address."""
        return tuple(self._by_name)

    @property
    def end_address(self) -> int:
        """First address after the last register."""
        last = self.registers[-1]
        return last.address + last.size

    def at(self, address: int) -> Register | None:
        """The register that begins at `address`."""
        return self._by_address.get(address)


def runs(registers: Iterable[Register]) -> list[list[Register]]:
    """Registers in groups that lie side by side, each to be read at once.

    No group spans a gap in the table: what a servo answers to a read of undefined addresses is
    not documented.
    """
    groups: list[list[Register]] = []
    for register in sorted(registers, key=lambda r: r.address):
        if groups and groups[-1][-1].address + groups[-1][-1].size == register.address:
            groups[-1].append(register)
        else:
            groups.append([register])
    return groups
