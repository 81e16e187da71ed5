"""Control tables of the X430 servos, by the model number that a servo reports.

The families have most registers in common; each adds its own and its defaults. Ranges that depend
on other registers, such as goals inside limits, are given at their widest. The velocity limit of
the XM430 is the one of present firmware; earlier manuals say 350, so a driver reads it.
Source: ROBOTIS e-Manual, XM430-W350, XM430-W210 and XL430-W250, control tables.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import MappingProxyType

from hal.dynamixel.errors import UnknownServoModelError
from hal.dynamixel.registers import Access, ControlTable, Register

XM430_W350 = 1020
XM430_W210 = 1030
XL430_W250 = 1060

_XM430_CURRENT_LIMIT = 1193
_MULTI_TURN_TICKS = 1_048_575  # 256 turns
_HOMING_TICKS = 1_044_479
_INT16 = 32_767
_INT32 = 2**31 - 1
_UINT32 = 2**32 - 1
_INDIRECT = ((1, 168, 224), (29, 578, 634))  # first number, its address, its data's address
_INDIRECT_COUNT = 28
_INDIRECT_RANGE = (64, 661)


def _writable(
    name: str, address: int, size: int, default: int, maximum: int, minimum: int = 0
) -> Register:
    """A register that the host may write; signed where its minimum is negative."""
    signed = minimum < 0
    return Register(name, address, size, Access.READ_WRITE, signed, default, minimum, maximum)


def _read_only(name: str, address: int, size: int, maximum: int, minimum: int = 0) -> Register:
    """A register that only the servo changes; signed where its minimum is negative."""
    return Register(name, address, size, Access.READ, minimum < 0, 0, minimum, maximum)


_MODEL_NUMBER = _read_only("model_number", 0, 2, 65_535)
_EEPROM = (
    _read_only("model_information", 2, 4, _UINT32),
    _read_only("firmware_version", 6, 1, 255),
    _writable("id", 7, 1, 1, 252),
    _writable("baud_rate", 8, 1, 1, 7),
    _writable("return_delay_time", 9, 1, 250, 254),
    _writable("drive_mode", 10, 1, 0, 13),
    _writable("operating_mode", 11, 1, 3, 16),
    _writable("secondary_id", 12, 1, 255, 255),
    _writable("protocol_type", 13, 1, 2, 2, 1),
    _writable("homing_offset", 20, 4, 0, _HOMING_TICKS, -_HOMING_TICKS),
    _writable("moving_threshold", 24, 4, 10, 1023),
    _writable("pwm_limit", 36, 2, 885, 885),
    _writable("acceleration_limit", 40, 4, 32_767, 32_767),
    _writable("max_position_limit", 48, 4, 4095, 4095),
    _writable("min_position_limit", 52, 4, 0, 4095),
    _writable("startup_configuration", 60, 1, 0, 3),
    _writable("shutdown", 63, 1, 0x34, 255),
)

_RAM = (
    _writable("torque_enable", 64, 1, 0, 1),
    _writable("led", 65, 1, 0, 1),
    _writable("status_return_level", 68, 1, 2, 2),
    _read_only("registered_instruction", 69, 1, 1),
    _read_only("hardware_error_status", 70, 1, 255),
    _writable("velocity_p_gain", 78, 2, 100, 16_383),
    _writable("position_i_gain", 82, 2, 0, 16_383),
    _writable("feedforward_2nd_gain", 88, 2, 0, 16_383),
    _writable("feedforward_1st_gain", 90, 2, 0, 16_383),
    _writable("bus_watchdog", 98, 1, 0, 127),
    _writable("goal_pwm", 100, 2, 885, 885, -885),
    _writable("goal_velocity", 104, 4, 0, 1023, -1023),
    _writable("profile_acceleration", 108, 4, 0, 32_767),
    _writable("profile_velocity", 112, 4, 0, 32_767),
    _writable("goal_position", 116, 4, 0, _MULTI_TURN_TICKS, -_MULTI_TURN_TICKS),
    _read_only("realtime_tick", 120, 2, 32_767),
    _read_only("moving", 122, 1, 1),
    _read_only("moving_status", 123, 1, 255),
    _read_only("present_pwm", 124, 2, _INT16, -_INT16 - 1),
    _read_only("present_velocity", 128, 4, _INT32, -_INT32 - 1),
    _read_only("present_position", 132, 4, _INT32, -_INT32 - 1),
    _read_only("velocity_trajectory", 136, 4, _INT32, -_INT32 - 1),
    _read_only("position_trajectory", 140, 4, _INT32, -_INT32 - 1),
    _read_only("present_input_voltage", 144, 2, 65_535),
    _read_only("present_temperature", 146, 1, 255),
    _read_only("backup_ready", 147, 1, 1),
)


def _indirect() -> Iterator[Register]:
    """56 addresses to forward to and the bytes that are forwarded, each in two blocks."""
    for first, address, data in _INDIRECT:
        for index in range(_INDIRECT_COUNT):
            number = first + index
            yield _writable(
                f"indirect_address_{number}",
                address + 2 * index,
                2,
                data + index,
                _INDIRECT_RANGE[1],
                _INDIRECT_RANGE[0],
            )
            yield _writable(f"indirect_data_{number}", data + index, 1, 0, 255)


def _x430_table(model_number: int, model_name: str, family: Iterable[Register]) -> ControlTable:
    """The common registers and those of a family.

    Args:
        model_number, model_name: as the servo reports and the maker prints them.
        family: registers that are not common, or whose defaults or ranges are not.
    """
    number = replace(_MODEL_NUMBER, default=model_number)
    registers = (number, *_EEPROM, *_RAM, *_indirect(), *family)
    return ControlTable(model_number, model_name, registers)


def _xm430_table(model_number: int, model_name: str, velocity_limit: int) -> ControlTable:
    limit = _XM430_CURRENT_LIMIT
    return _x430_table(
        model_number,
        model_name,
        (
            _writable("temperature_limit", 31, 1, 80, 100),
            _writable("max_voltage_limit", 32, 2, 160, 160, 95),
            _writable("min_voltage_limit", 34, 2, 95, 160, 95),
            _writable("current_limit", 38, 2, limit, limit),
            _writable("velocity_limit", 44, 4, velocity_limit, 1023),
            _writable("velocity_i_gain", 76, 2, 1920, 16_383),
            _writable("position_d_gain", 80, 2, 0, 16_383),
            _writable("position_p_gain", 84, 2, 800, 16_383),
            _writable(
                "goal_current",
                102,
                2,
                _XM430_CURRENT_LIMIT,
                _XM430_CURRENT_LIMIT,
                -_XM430_CURRENT_LIMIT,
            ),
            _read_only("present_current", 126, 2, 32_767, -32_768),
        ),
    )


XM430_W350_TABLE = _xm430_table(XM430_W350, "XM430-W350", 200)
XM430_W210_TABLE = _xm430_table(XM430_W210, "XM430-W210", 330)
XL430_W250_TABLE = _x430_table(
    XL430_W250,
    "XL430-W250",
    (
        _writable("temperature_limit", 31, 1, 72, 100),
        _writable("max_voltage_limit", 32, 2, 140, 140, 60),
        _writable("min_voltage_limit", 34, 2, 60, 140, 60),
        _writable("velocity_limit", 44, 4, 265, 1023),
        _writable("velocity_i_gain", 76, 2, 1000, 16_383),
        _writable("position_d_gain", 80, 2, 4000, 16_383),
        _writable("position_p_gain", 84, 2, 640, 16_383),
        _read_only("present_load", 126, 2, 1000, -1000),
    ),
)

_TABLES = MappingProxyType(
    {table.model_number: table for table in (XM430_W350_TABLE, XM430_W210_TABLE, XL430_W250_TABLE)}
)
MODEL_NUMBERS = tuple(_TABLES)


def control_table_of(model_number: int) -> ControlTable:
    """The registers of a model.

    Raises:
        UnknownServoModelError: a model that this package has no table of.
    """
    try:
        return _TABLES[model_number]
    except KeyError:
        known = ", ".join(f"{table.model_name} ({number})" for number, table in _TABLES.items())
        raise UnknownServoModelError(
            f"servo model number {model_number} is not known; known: {known}"
        ) from None
