"""What is read of every servo in every cycle: state and safety in one answer.

Hardware errors, torque, the bus watchdog and the goal in force are seen each time, not now and
then. Indirect addresses gather them into one short run of bytes. They can be set only while torque
is off, so servos found with torque on are read the long way, with all registers in between.
Source: ROBOTIS e-Manual, XM430-W350, Indirect Address.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hal.dynamixel.registers import ControlTable, Register
from hal.dynamixel.servo import Servo
from hal.dynamixel.servo_group import ServoGroup

# A servo that was rebooted has lost the mapping and then answers zeros: its return level, which is
# 2 for as long as writes are to be confirmed, tells the one from the other.
RETURN_LEVEL = 2

_FIELDS = (
    ("status_return_level", "u1"),
    ("hardware_error_status", "u1"),
    ("torque_enable", "u1"),
    ("bus_watchdog", "u1"),
    ("realtime_tick", "<u2"),
    ("present_current", "<i2"),
    ("present_velocity", "<i4"),
    ("present_position", "<i4"),
    ("present_input_voltage", "<u2"),
    ("present_temperature", "u1"),
    ("goal_position", "<i4"),
)
BLOCK = np.dtype(list(_FIELDS))
"""One servo's answer, in counts."""

Rows = NDArray[np.void]

_SUBSTITUTES = {"present_current": "present_load"}  # where current is not measured
_LONG_BUDGET_S = 0.03


@dataclass(frozen=True, slots=True)
class BlockLayout:
    """Where the block is read.

    Attributes:
        address: of its first byte.
        dtype: of its bytes; the fields of BLOCK in their order.
        budget_min_s: for a cycle with a retry, whatever the settings say.
    """

    address: int
    dtype: np.dtype[np.void]
    budget_min_s: float = 0.0


def gathered_layout(servo: Servo) -> BlockLayout:
    """The block in the indirect registers."""
    return BlockLayout(servo.table["indirect_data_1"].address, BLOCK)


def scattered_layout(servo: Servo) -> BlockLayout:
    """The same values where they lie, with everything in between."""
    registers = [_register(servo.table, name) for name, _ in _FIELDS]
    start = min(register.address for register in registers)
    end = max(register.address + register.size for register in registers)
    dtype = np.dtype(
        {
            "names": [name for name, _ in _FIELDS],
            "formats": [kind for _, kind in _FIELDS],
            "offsets": [register.address - start for register in registers],
            "itemsize": end - start,
        }
    )
    return BlockLayout(start, dtype, _LONG_BUDGET_S)


def choose_layout(group: ServoGroup) -> BlockLayout:
    """Map the block where that is possible; no more than RAM of servos without torque is written.

    Raises:
        RobotWriteError: INDIRECT_MAPPING.
        RobotReadError: SERVO_SILENT.
    """
    first = group.servos[0]
    wanted = _forwarding(first.table)
    start = first.table["indirect_address_1"].address
    mapped = group.read_block(start, len(wanted))
    torque = group.read("torque_enable")
    if any(mapped[i] != wanted and torque[i] for i in group.ids):
        return scattered_layout(first)
    group.write_block(start, wanted, reason="INDIRECT_MAPPING")
    return gathered_layout(first)


def _forwarding(table: ControlTable) -> bytes:
    addresses: list[int] = []
    for name, _ in _FIELDS:
        register = _register(table, name)
        addresses.extend(range(register.address, register.address + register.size))
    return b"".join(address.to_bytes(2, "little") for address in addresses)


def _register(table: ControlTable, name: str) -> Register:
    return table[name if name in table else _SUBSTITUTES[name]]
