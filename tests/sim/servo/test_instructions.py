"""Each instruction and each error number that one servo may answer by."""

import pytest

from hal.dynamixel.packet import Instruction
from hal.dynamixel.status import StatusErrorNumber as Number
from sim.servo.servo import Reply
from tests.sim.servo.host import make_host

CLEAR = bytes([0x01, 0x44, 0x58, 0x4C, 0x22])
STORE, RESTORE = b"\x01CTRL", b"\x02CTRL"


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("goal_position", 4096, Number.DATA_LIMIT),
        ("goal_position", 1_048_576, Number.DATA_RANGE),
        ("goal_velocity", 201, Number.DATA_LIMIT),
        ("goal_velocity", 2000, Number.DATA_RANGE),
        ("goal_pwm", 886, Number.DATA_RANGE),
        ("operating_mode", 2, Number.DATA_RANGE),
        ("drive_mode", 2, Number.DATA_RANGE),
        ("id", 253, Number.DATA_RANGE),
        ("bus_watchdog", 128, Number.DATA_RANGE),
        ("indirect_address_1", 63, Number.DATA_RANGE),
        ("present_position", 1, Number.ACCESS),
        ("model_number", 1, Number.ACCESS),
    ],
)
def test_refused_writes_change_nothing(name: str, value: int, number: Number) -> None:
    host = make_host()
    before = host.read(name)
    assert host.write(name, value) == number
    assert host.read(name) == before


def test_goals_end_at_the_limit_registers() -> None:
    host = make_host()
    for name, limit in (("pwm_limit", 400), ("current_limit", 100), ("max_position_limit", 3000)):
        assert host.write(name, limit) == 0
    assert host.write("goal_pwm", -400) == 0
    assert host.write("goal_pwm", -401) == Number.DATA_LIMIT
    assert host.write("goal_current", 101) == Number.DATA_LIMIT
    assert host.write("goal_position", 3000) == 0
    assert host.write("goal_position", 3001) == Number.DATA_LIMIT
    host.write("operating_mode", 4)
    assert host.write("goal_position", -1_048_575) == 0


def test_the_eeprom_and_the_indirect_addresses_are_locked_under_torque() -> None:
    host = make_host()
    host.write("torque_enable", 1)
    assert host.write("return_delay_time", 0) == Number.ACCESS
    assert host.write("indirect_address_1", 132) == Number.ACCESS
    host.write("torque_enable", 0)
    assert host.write("return_delay_time", 0) == 0
    assert host.write("indirect_address_1", 132) == 0


def test_data_shorter_than_a_register_is_a_length_error() -> None:
    host = make_host()
    assert host.write_bytes(116, b"\x01\x02") == Reply(Number.DATA_LENGTH)
    assert host.write_bytes(116, bytes(6)) == Reply(Number.ACCESS)
    assert host.write_bytes(118, b"\x01\x02") == Reply(Number.DATA_LENGTH)
    assert host.write_bytes(116, b"") == Reply(Number.DATA_LENGTH)
    assert host.ask(Instruction.READ, b"\x01") == Reply(Number.DATA_LENGTH)
    assert host.read_bytes(116, 0) == Reply(Number.DATA_LENGTH)


@pytest.mark.parametrize(("address", "length"), [(662, 1), (661, 2), (300, 4), (71, 5), (9999, 4)])
def test_reads_where_there_is_nothing_carry_no_data(address: int, length: int) -> None:
    assert make_host().read_bytes(address, length) == Reply(Number.ACCESS)


def test_a_read_over_a_gap_gives_zeros_there() -> None:
    reply = make_host().read_bytes(60, 10)
    assert reply == Reply(0, bytes([0, 0, 0, 0x34, 0, 0, 0, 0, 2, 0]))


def test_undefined_addresses_cannot_be_written() -> None:
    host = make_host()
    assert host.write_bytes(71, b"\x00") == Reply(Number.ACCESS)
    assert host.write_bytes(700, b"\x00") == Reply(Number.ACCESS)
    assert host.write_bytes(65, bytes(2)) == Reply(Number.ACCESS)


def test_one_refused_register_refuses_the_whole_write() -> None:
    host = make_host()
    data = (10).to_bytes(4, "little") + (20).to_bytes(4, "little") + (9999).to_bytes(4, "little")
    assert host.write_bytes(108, data) == Reply(Number.DATA_LIMIT)
    assert host.read("profile_acceleration") == 0


def test_reg_write_waits_for_action() -> None:
    host = make_host()
    assert host.ask(Instruction.ACTION) == Reply(Number.INSTRUCTION)
    assert host.ask(Instruction.REG_WRITE, bytes([65, 0, 1])) == Reply(0)
    assert (host.read("registered_instruction"), host.read("led")) == (1, 0)
    assert host.ask(Instruction.ACTION) == Reply(0)
    assert (host.read("registered_instruction"), host.read("led")) == (0, 1)
    assert host.ask(Instruction.ACTION) == Reply(Number.INSTRUCTION)
    assert host.ask(Instruction.REG_WRITE, bytes([65, 0, 9])) == Reply(Number.DATA_RANGE)


def test_a_reboot_forgets_the_registered_write() -> None:
    host = make_host()
    host.ask(Instruction.REG_WRITE, bytes([65, 0, 1]))
    host.ask(Instruction.REBOOT)
    assert host.at(400).ask(Instruction.ACTION) == Reply(Number.INSTRUCTION)
    assert host.read("registered_instruction") == 0


@pytest.mark.parametrize(
    ("scope", "servo_id", "baud_rate"), [(0xFF, 1, 1), (0x01, 7, 1), (0x02, 7, 3)]
)
def test_factory_reset(scope: int, servo_id: int, baud_rate: int) -> None:
    host = make_host(servo_id=7)
    host.write("baud_rate", 3)
    host.write("homing_offset", 500)
    assert host.ask(Instruction.FACTORY_RESET, bytes([scope])) == Reply(0)
    assert host.at(1).ask(Instruction.PING) is None
    host.at(400)
    assert (host.read("id"), host.read("baud_rate")) == (servo_id, baud_rate)
    assert host.read("homing_offset") == 0
    assert host.read("firmware_version") == 45


def test_factory_reset_of_all_is_not_broadcast_since_firmware_42() -> None:
    for firmware, servo_id in ((41, 1), (42, 7)):
        host = make_host(servo_id=7, firmware=firmware)
        assert host.ask(Instruction.FACTORY_RESET, b"\xff", broadcast=True) is None
        assert host.at(400).read("id") == servo_id


def test_factory_reset_refuses_other_scopes() -> None:
    assert make_host().ask(Instruction.FACTORY_RESET, b"\x07") == Reply(Number.DATA_RANGE)
    assert make_host().ask(Instruction.FACTORY_RESET) == Reply(Number.DATA_LENGTH)


def test_clear_brings_the_position_into_one_turn_at_rest() -> None:
    host = make_host()
    host.write("operating_mode", 4)
    host.sense(0.0)
    host.sense(5.0 * 3.141592653589793)
    host.write("goal_position", 10240)
    host.write("torque_enable", 1)
    shaft_rad = host.servo.motor_command(0).position_rad
    assert host.read("present_position") == 10240
    host.sense(15.707963267948966, 1.0)
    assert host.ask(Instruction.CLEAR, CLEAR) == Reply(Number.RESULT_FAIL)
    host.sense(15.707963267948966)
    assert host.ask(Instruction.CLEAR, b"\x01") == Reply(Number.DATA_RANGE)
    assert host.ask(Instruction.CLEAR, CLEAR) == Reply(0)
    assert (host.read("present_position"), host.read("goal_position")) == (2048, 2048)
    assert host.servo.motor_command(0).position_rad == pytest.approx(shaft_rad)
    assert make_host(firmware=41).ask(Instruction.CLEAR, CLEAR) == Reply(Number.INSTRUCTION)


def test_backup_and_restore() -> None:
    host = make_host()
    assert host.ask(Instruction.BACKUP, RESTORE) == Reply(Number.RESULT_FAIL)
    assert host.ask(Instruction.BACKUP, b"\x01XXXX") == Reply(Number.DATA_RANGE)
    host.write("shutdown", 0x3D)
    assert host.read("backup_ready") == 0
    assert host.ask(Instruction.BACKUP, STORE) == Reply(0)
    assert host.read("backup_ready") == 1
    host.write("shutdown", 0)
    host.write("torque_enable", 1)
    assert host.ask(Instruction.BACKUP, RESTORE) == Reply(Number.RESULT_FAIL)
    host.write("torque_enable", 0)
    assert host.ask(Instruction.BACKUP, RESTORE) == Reply(0)
    assert host.at(10).ask(Instruction.PING) is None
    assert host.at(400).read("shutdown") == 0x3D
    old = make_host(firmware=44)
    assert old.ask(Instruction.BACKUP, STORE) == Reply(Number.INSTRUCTION)


def test_startup_configuration() -> None:
    host = make_host()
    host.write("position_p_gain", 123)
    host.ask(Instruction.BACKUP, STORE)
    host.write("startup_configuration", 3)
    host.ask(Instruction.REBOOT)
    host.at(400)
    assert (host.read("position_p_gain"), host.read("torque_enable")) == (123, 1)
    host.write("torque_enable", 0)
    host.write("startup_configuration", 0)
    host.ask(Instruction.REBOOT)
    host.at(800)
    assert (host.read("position_p_gain"), host.read("torque_enable")) == (800, 0)
