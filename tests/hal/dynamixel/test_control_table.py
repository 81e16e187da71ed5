"""Control tables against figures of the manual, and what a register accepts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.dynamixel.control_table import (
    MODEL_NUMBERS,
    Access,
    ControlTable,
    Register,
    control_table_of,
)
from hal.dynamixel.errors import RegisterError, UnknownServoModelError

# name, address, size, writable, signed, default: ROBOTIS e-Manual, XM430-W350
XM430 = [
    ("model_number", 0, 2, False, False, 1020),
    ("model_information", 2, 4, False, False, 0),
    ("firmware_version", 6, 1, False, False, 0),
    ("id", 7, 1, True, False, 1),
    ("baud_rate", 8, 1, True, False, 1),
    ("return_delay_time", 9, 1, True, False, 250),
    ("drive_mode", 10, 1, True, False, 0),
    ("operating_mode", 11, 1, True, False, 3),
    ("secondary_id", 12, 1, True, False, 255),
    ("protocol_type", 13, 1, True, False, 2),
    ("homing_offset", 20, 4, True, True, 0),
    ("moving_threshold", 24, 4, True, False, 10),
    ("temperature_limit", 31, 1, True, False, 80),
    ("max_voltage_limit", 32, 2, True, False, 160),
    ("min_voltage_limit", 34, 2, True, False, 95),
    ("pwm_limit", 36, 2, True, False, 885),
    ("current_limit", 38, 2, True, False, 1193),
    ("acceleration_limit", 40, 4, True, False, 32_767),
    ("velocity_limit", 44, 4, True, False, 200),
    ("max_position_limit", 48, 4, True, False, 4095),
    ("min_position_limit", 52, 4, True, False, 0),
    ("startup_configuration", 60, 1, True, False, 0),
    ("shutdown", 63, 1, True, False, 52),
    ("torque_enable", 64, 1, True, False, 0),
    ("led", 65, 1, True, False, 0),
    ("status_return_level", 68, 1, True, False, 2),
    ("registered_instruction", 69, 1, False, False, 0),
    ("hardware_error_status", 70, 1, False, False, 0),
    ("velocity_i_gain", 76, 2, True, False, 1920),
    ("velocity_p_gain", 78, 2, True, False, 100),
    ("position_d_gain", 80, 2, True, False, 0),
    ("position_i_gain", 82, 2, True, False, 0),
    ("position_p_gain", 84, 2, True, False, 800),
    ("feedforward_2nd_gain", 88, 2, True, False, 0),
    ("feedforward_1st_gain", 90, 2, True, False, 0),
    ("bus_watchdog", 98, 1, True, False, 0),
    ("goal_pwm", 100, 2, True, True, 885),
    ("goal_current", 102, 2, True, True, 1193),
    ("goal_velocity", 104, 4, True, True, 0),
    ("profile_acceleration", 108, 4, True, False, 0),
    ("profile_velocity", 112, 4, True, False, 0),
    ("goal_position", 116, 4, True, True, 0),
    ("realtime_tick", 120, 2, False, False, 0),
    ("moving", 122, 1, False, False, 0),
    ("moving_status", 123, 1, False, False, 0),
    ("present_pwm", 124, 2, False, True, 0),
    ("present_current", 126, 2, False, True, 0),
    ("present_velocity", 128, 4, False, True, 0),
    ("present_position", 132, 4, False, True, 0),
    ("velocity_trajectory", 136, 4, False, True, 0),
    ("position_trajectory", 140, 4, False, True, 0),
    ("present_input_voltage", 144, 2, False, False, 0),
    ("present_temperature", 146, 1, False, False, 0),
    ("backup_ready", 147, 1, False, False, 0),
    ("indirect_address_1", 168, 2, True, False, 224),
    ("indirect_address_28", 222, 2, True, False, 251),
    ("indirect_data_1", 224, 1, True, False, 0),
    ("indirect_data_28", 251, 1, True, False, 0),
    ("indirect_address_29", 578, 2, True, False, 634),
    ("indirect_address_56", 632, 2, True, False, 661),
    ("indirect_data_29", 634, 1, True, False, 0),
    ("indirect_data_56", 661, 1, True, False, 0),
]
WATCHDOG = control_table_of(1020)["bus_watchdog"]


@pytest.mark.parametrize(("name", "address", "size", "writable", "signed", "default"), XM430)
def test_registers_of_the_xm430(name, address, size, writable, signed, default):
    register = control_table_of(1020)[name]
    assert (register.address, register.size) == (address, size)
    assert (register.is_writable, register.signed) == (writable, signed)
    assert register.default == default
    assert control_table_of(1020).at(address) is register


def test_the_table_has_no_other_registers():
    named = [name for name, *_ in XM430 if not name.startswith("indirect")]
    others = [name for name in control_table_of(1020).names if not name.startswith("indirect")]
    assert others == named
    assert len(control_table_of(1020).registers) == len(named) + 4 * 28


def test_both_xm430_differ_only_in_number_and_velocity():
    pairs = zip(control_table_of(1020).registers, control_table_of(1030).registers, strict=True)
    assert {a.name for a, b in pairs if a != b} == {"model_number", "velocity_limit"}
    assert control_table_of(1030)["velocity_limit"].default == 330


def test_the_xl430_has_a_load_in_place_of_currents():
    xl430, xm430 = control_table_of(1060), control_table_of(1020)
    assert set(xm430.names) - set(xl430.names) == {
        "current_limit",
        "goal_current",
        "present_current",
    }
    assert set(xl430.names) - set(xm430.names) == {"present_load"}
    assert (xl430["present_load"].address, xl430["present_load"].signed) == (126, True)
    expected = {
        "temperature_limit": 72,
        "max_voltage_limit": 140,
        "min_voltage_limit": 60,
        "velocity_limit": 265,
        "velocity_i_gain": 1000,
        "velocity_p_gain": 100,
        "position_p_gain": 640,
        "position_i_gain": 0,
        "position_d_gain": 4000,
        "model_number": 1060,
    }
    assert {name: xl430[name].default for name in expected} == expected


@pytest.mark.parametrize("number", MODEL_NUMBERS)
def test_defaults_fit_their_own_registers(number):
    table = control_table_of(number)
    assert table.model_number == number
    for register in table.registers:
        assert register.decode(register.encode(register.default)) == register.default
        if register.is_writable:
            assert register.minimum <= register.default <= register.maximum
        assert register.is_eeprom == (register.address < 64)
    assert table.end_address == 662


def test_unknown_models_are_refused_by_number():
    with pytest.raises(UnknownServoModelError, match=r"1190 is not known.*XM430-W350 \(1020\)"):
        control_table_of(1190)


def test_unknown_registers_are_refused_by_name():
    with pytest.raises(RegisterError, match="XL430-W250 has no register 'goal_current'") as refusal:
        control_table_of(1060)["goal_current"]
    assert refusal.value.reason == "UNKNOWN_REGISTER"
    assert control_table_of(1020).at(3) is None
    assert "goal_current" in control_table_of(1020)


@given(st.sampled_from(control_table_of(1020).registers), st.data())
def test_every_value_that_may_be_written_is_read_back(register, data):
    value = data.draw(st.integers(register.minimum, register.maximum))
    encoded = register.encode(value)
    assert len(encoded) == register.size
    assert register.decode(encoded) == value
    if register.is_writable:
        assert register.encode_write(value) == encoded


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("goal_position", 1_048_576, "REGISTER_VALUE"),
        ("goal_position", 2**40, "REGISTER_VALUE"),
        ("goal_position", 1.5, "REGISTER_VALUE"),
        ("goal_position", float("nan"), "REGISTER_VALUE"),
        ("profile_velocity", -1, "REGISTER_VALUE"),
        ("bus_watchdog", 128, "REGISTER_VALUE"),
        ("present_position", 0, "REGISTER_READ_ONLY"),
    ],
)
def test_what_a_servo_would_refuse_is_never_encoded(name, value, reason):
    with pytest.raises(RegisterError, match=name) as refusal:
        control_table_of(1020)[name].encode_write(value)
    assert refusal.value.reason == reason


def test_integers_of_numpy_are_integers():
    goal = control_table_of(1020)["goal_position"]
    assert goal.encode_write(np.int64(-2)) == b"\xfe\xff\xff\xff"


def test_servos_can_store_what_hosts_may_not_write():
    """A tripped watchdog reads 255, which nobody may write."""
    assert WATCHDOG.decode(WATCHDOG.encode(0xFF)) == 0xFF


@pytest.mark.parametrize("count", [0, 2])
def test_values_of_another_length_are_refused(count):
    with pytest.raises(RegisterError, match=f"bus_watchdog: {count}") as refusal:
        WATCHDOG.decode(bytes(count))
    assert refusal.value.reason == "REGISTER_LENGTH"


def test_tables_that_contradict_themselves_are_refused():
    first = Register("a", 0, 2, Access.READ, False, 0, 0, 1)
    second = Register("b", 1, 1, Access.READ, False, 0, 0, 1)
    with pytest.raises(ValueError, match="a and b overlap"):
        ControlTable(1, "X", [first, second])
    with pytest.raises(ValueError, match="one name"):
        ControlTable(1, "X", [first, Register("a", 2, 2, Access.READ, False, 0, 0, 1)])
