"""The registers that the X430 servos have in common; a family adds its own and its defaults.

Ranges that depend on other registers, such as goals inside limits, are given here at their widest.
Source: ROBOTIS e-Manual, XM430-W350, XM430-W210 and XL430-W250, control tables.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from hal.dynamixel.registers import Access, ControlTable, Register

_MULTI_TURN_TICKS = 1_048_575  # 256 turns
_HOMING_TICKS = 1_044_479
_INT16 = 32_767
_INT32 = 2**31 - 1
_UINT32 = 2**32 - 1
_INDIRECT = ((1, 168, 224), (29, 578, 634))  # first number, its address, its data's address
_INDIRECT_COUNT = 28
_INDIRECT_RANGE = (64, 661)


def writable(
    name: str, address: int, size: int, default: int, maximum: int, minimum: int = 0
) -> Register:
    """A register that the host may write; signed where its minimum is negative."""
    signed = minimum < 0
    return Register(name, address, size, Access.READ_WRITE, signed, default, minimum, maximum)


def read_only(name: str, address: int, size: int, maximum: int, minimum: int = 0) -> Register:
    """A register that only the servo changes; signed where its minimum is negative."""
    return Register(name, address, size, Access.READ, minimum < 0, 0, minimum, maximum)


_MODEL_NUMBER = read_only("model_number", 0, 2, 65_535)
_EEPROM = (
    read_only("model_information", 2, 4, _UINT32),
    read_only("firmware_version", 6, 1, 255),
    writable("id", 7, 1, 1, 252),
    writable("baud_rate", 8, 1, 1, 7),
    writable("return_delay_time", 9, 1, 250, 254),
    writable("drive_mode", 10, 1, 0, 13),
    writable("operating_mode", 11, 1, 3, 16),
    writable("secondary_id", 12, 1, 255, 255),
    writable("protocol_type", 13, 1, 2, 2, 1),
    writable("homing_offset", 20, 4, 0, _HOMING_TICKS, -_HOMING_TICKS),
    writable("moving_threshold", 24, 4, 10, 1023),
    writable("pwm_limit", 36, 2, 885, 885),
    writable("acceleration_limit", 40, 4, 32_767, 32_767),
    writable("max_position_limit", 48, 4, 4095, 4095),
    writable("min_position_limit", 52, 4, 0, 4095),
    writable("startup_configuration", 60, 1, 0, 3),
    writable("shutdown", 63, 1, 0x34, 255),
)

_RAM = (
    writable("torque_enable", 64, 1, 0, 1),
    writable("led", 65, 1, 0, 1),
    writable("status_return_level", 68, 1, 2, 2),
    read_only("registered_instruction", 69, 1, 1),
    read_only("hardware_error_status", 70, 1, 255),
    writable("velocity_p_gain", 78, 2, 100, 16_383),
    writable("position_i_gain", 82, 2, 0, 16_383),
    writable("feedforward_2nd_gain", 88, 2, 0, 16_383),
    writable("feedforward_1st_gain", 90, 2, 0, 16_383),
    writable("bus_watchdog", 98, 1, 0, 127),
    writable("goal_pwm", 100, 2, 885, 885, -885),
    writable("goal_velocity", 104, 4, 0, 1023, -1023),
    writable("profile_acceleration", 108, 4, 0, 32_767),
    writable("profile_velocity", 112, 4, 0, 32_767),
    writable("goal_position", 116, 4, 0, _MULTI_TURN_TICKS, -_MULTI_TURN_TICKS),
    read_only("realtime_tick", 120, 2, 32_767),
    read_only("moving", 122, 1, 1),
    read_only("moving_status", 123, 1, 255),
    read_only("present_pwm", 124, 2, _INT16, -_INT16 - 1),
    read_only("present_velocity", 128, 4, _INT32, -_INT32 - 1),
    read_only("present_position", 132, 4, _INT32, -_INT32 - 1),
    read_only("velocity_trajectory", 136, 4, _INT32, -_INT32 - 1),
    read_only("position_trajectory", 140, 4, _INT32, -_INT32 - 1),
    read_only("present_input_voltage", 144, 2, 65_535),
    read_only("present_temperature", 146, 1, 255),
    read_only("backup_ready", 147, 1, 1),
)


def _indirect() -> Iterator[Register]:
    """56 addresses to forward to and the bytes that are forwarded, each in two blocks."""
    for first, address, data in _INDIRECT:
        for index in range(_INDIRECT_COUNT):
            number = first + index
            yield writable(
                f"indirect_address_{number}",
                address + 2 * index,
                2,
                data + index,
                _INDIRECT_RANGE[1],
                _INDIRECT_RANGE[0],
            )
            yield writable(f"indirect_data_{number}", data + index, 1, 0, 255)


def x430_table(model_number: int, model_name: str, family: Iterable[Register]) -> ControlTable:
    """The common registers and those of a family.

    Args:
        model_number, model_name: as the servo reports and the maker prints them.
        family: registers that are not common, or whose defaults or ranges are not.
    """
    number = replace(_MODEL_NUMBER, default=model_number)
    registers = (number, *_EEPROM, *_RAM, *_indirect(), *family)
    return ControlTable(model_number, model_name, registers)
