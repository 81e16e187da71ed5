"""What one register of a servo must hold, and what follows where it does not.

Every value within a range is a legal choice and stays as it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from hal.dynamixel.registers import ControlTable, Register
from hal.dynamixel.status import HardwareError, error_names

_NO_BITS = HardwareError(0)

Range = tuple[int, int]


class Severity(IntEnum):
    """What follows from a value that is not legal."""

    WARNING = 0  # works, but worse than it could
    WEAK = 1  # gets no torque: it would not follow its goals
    UNSAFE = 2  # is not even connected to


@dataclass(frozen=True, slots=True)
class Misfit:
    """One register of one servo that holds no legal value.

    Attributes:
        register, value, wanted: which, what it holds, what it should be set to.
        subject: of a report, two words at most.
        reason: SCREAMING_SNAKE_CASE, stable.
        text: what is wrong and what follows from it, without the servo's name.
    """

    register: str
    value: int
    wanted: int
    subject: str
    reason: str
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class Setting:
    """What one register must hold.

    Attributes:
        register, subject, reason: as in `Misfit`.
        severity: of a value that is not legal; UNSAFE if it has one of `unsafe_bits`.
        legal: lowest and highest legal value, from the register's default and range.
        consequence: what a value that is not legal does.
        firmware: the first that has the register.
        also: legal values outside the range.
        bits: that must be set; then there is no range.
        ceiling: setting whose register this one's value may not pass.
        shown: text of a value.
    """

    register: str
    subject: str
    reason: str
    severity: Severity
    legal: Callable[[Register], Range]
    consequence: str
    firmware: int = 0
    also: tuple[int, ...] = ()
    bits: HardwareError = _NO_BITS
    unsafe_bits: int = 0
    ceiling: "Setting | None" = None
    shown: Callable[[int], str] = str

    def judge(self, table: ControlTable, values: Mapping[str, int]) -> Misfit | None:
        """What is wrong with the value of this register among `values`; None: nothing."""
        value, register = values[self.register], table[self.register]
        if self.bits:
            lacking = self.bits & ~HardwareError(value)
            wanted, expected = value | int(self.bits), f"with {', '.join(error_names(lacking))}"
            is_legal = not lacking
        else:
            low, high = self.legal(register)
            wanted = register.default if low <= register.default <= high else low
            expected = self.shown(low) if low == high else f"{low} to {high}"
            is_legal = low <= value <= high or value in self.also
        if is_legal:
            return None
        severity = Severity.UNSAFE if value & self.unsafe_bits else self.severity
        name = self.register.replace("_", " ")
        text = f"{name} {self.shown(value)}, expected {expected}: {self.consequence}"
        wanted = min(wanted, self._top(table, values, wanted))
        return Misfit(self.register, value, wanted, self.subject, self.reason, severity, text)

    def _top(self, table: ControlTable, values: Mapping[str, int], wanted: int) -> int:
        """What the ceiling leaves, once that is legal itself."""
        above = self.ceiling
        if above is None or above.register not in values:
            return wanted
        misfit = above.judge(table, values)
        return values[above.register] if misfit is None else misfit.wanted
