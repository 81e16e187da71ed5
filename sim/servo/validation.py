"""Whether a servo takes a value for a register, and the error number if not.

Source: e-manual, Protocol 2.0, Status Packet, Error; ranges and limits of each register there.
"""

from dataclasses import dataclass

from hal.dynamixel.control_table import Access, Register
from hal.dynamixel.status import StatusErrorNumber
from sim.servo.memory import Memory

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
