"""What survives power-off, and the ways in which memory starts afresh: boot, reset, backup.

Source: e-manual, Protocol 2.0, Factory Reset, Reboot, Control Table Backup; Startup Configuration
(60). The manual leaves open what a backup holds; here it is every writable register but the ID, the
baud rate, the goals and Torque Enable.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from hal.dynamixel.control_table import Register
from sim.servo import effects
from sim.servo.validation import GOALS

if TYPE_CHECKING:
    from sim.servo.state import ServoState

_TORQUE_ON_AT_START = 0x01
_RESTORE_RAM_AT_START = 0x02
_NOT_BACKED_UP = frozenset({"id", "baud_rate", "torque_enable", "bus_watchdog", *GOALS})


class ResetScope(IntEnum):
    """Parameter of Factory Reset."""

    ALL_BUT_ID = 0x01
    ALL_BUT_ID_AND_BAUD_RATE = 0x02
    ALL = 0xFF


def boot(servo: ServoState, booted_ns: int) -> None:
    """Power-on or reboot: RAM and latches are as new; deaf and mute until `booted_ns`."""
    memory = servo.memory
    for register in memory.registers:
        if not register.is_eeprom:
            memory.set(register.name, register.default)
    servo.booted_ns = booted_ns
    servo.is_torque_on = False
    servo.registered = None
    servo.protection.reset()
    servo.watchdog.set(0, booted_ns)
    servo.encoder.forget_turns()
    effects.seed_goals(servo, booted_ns)
    if "backup_ready" in memory:
        memory.set("backup_ready", servo.backup is not None)
    startup = memory.get("startup_configuration")
    if startup & _RESTORE_RAM_AT_START and servo.backup is not None:
        _put(servo, servo.backup, is_eeprom=False)
    servo.refresh_settings()
    if startup & _TORQUE_ON_AT_START:
        effects.apply(servo, "torque_enable", 1, booted_ns)


def factory_reset(servo: ServoState, scope: ResetScope) -> None:
    """Set the EEPROM to factory values; the servo boots after it."""
    kept = {"id", "baud_rate"} if scope is ResetScope.ALL_BUT_ID_AND_BAUD_RATE else {"id"}
    if scope is ResetScope.ALL:
        kept = set[str]()
    for register in servo.memory.registers:
        if register.is_eeprom and register.is_writable and register.name not in kept:
            servo.memory.set(register.name, register.default)
    servo.refresh_settings()


def store(servo: ServoState) -> None:
    """Back up the control table."""
    servo.backup = {
        register.name: servo.memory[register.name]
        for register in servo.memory.registers
        if _is_backed_up(register)
    }
    servo.memory.set("backup_ready", 1)


def restore(servo: ServoState) -> bool:
    """Bring the EEPROM of the backup back; False if there is none. The servo boots after it."""
    if servo.backup is None:
        return False
    _put(servo, servo.backup, is_eeprom=True)
    servo.refresh_settings()
    return True


def _is_backed_up(register: Register) -> bool:
    return register.is_writable and register.name not in _NOT_BACKED_UP


def _put(servo: ServoState, values: dict[str, int], *, is_eeprom: bool) -> None:
    for name, value in values.items():
        if servo.memory.register(name).is_eeprom == is_eeprom:
            servo.memory.set(name, value)
