"""What is read of every servo in every cycle, gathered into one run of bytes by indirect addresses.

State and safety come in one answer: hardware errors, torque, the bus watchdog and the goal in force
are seen each time, not now and then. Source: ROBOTIS e-Manual, XM430-W350, Indirect Address.
"""

import numpy as np
from numpy.typing import NDArray

from hal.dynamixel.registers import ControlTable
from hal.dynamixel.servo import Servo
from hal.dynamixel.servo_group import ServoGroup

# A servo that was rebooted has lost the mapping and then answers zeros: its return level, which is
# 2 for as long as writes are to be confirmed, tells the one from the other.
RETURN_LEVEL = 2

_COMMON = (
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
BLOCK = np.dtype(list(_COMMON))
"""One servo's answer, in counts."""

Rows = NDArray[np.void]

_SUBSTITUTES = {"present_current": "present_load"}  # where current is not measured


def block_address(servo: Servo) -> int:
    """Where the block begins."""
    return servo.table["indirect_data_1"].address


def map_block(group: ServoGroup) -> None:
    """Let the indirect registers of all servos point at the block; no more than RAM is written.

    Raises:
        RobotWriteError: INDIRECT_MAPPING.
        RobotReadError: SERVO_SILENT.
    """
    table = group.servos[0].table
    start = table["indirect_address_1"].address
    group.write_block(start, _forwarding(table), reason="INDIRECT_MAPPING")


def _forwarding(table: ControlTable) -> bytes:
    addresses: list[int] = []
    for name, _ in _COMMON:
        register = table[name if name in table else _SUBSTITUTES[name]]
        addresses.extend(range(register.address, register.address + register.size))
    return b"".join(address.to_bytes(2, "little") for address in addresses)
