"""What a servo answers: instructions, IDs, return levels, silence; and both its faces together."""

from math import pi

import pytest

from hal.dynamixel import units
from hal.dynamixel.packet import Instruction
from sim.servo.motor import Control
from sim.servo.servo import Addressing, Reply
from tests.sim.servo.host import MS, make_host

ACCESS = 7


def test_ping_tells_model_and_firmware() -> None:
    assert make_host().ask(Instruction.PING) == Reply(0, bytes([0xFC, 0x03, 45]))
    assert make_host(1060, firmware=44).ask(Instruction.PING) == Reply(0, bytes([0x24, 0x04, 44]))


def test_broadcast_pings_are_answered_and_other_broadcasts_are_not() -> None:
    host = make_host()
    assert host.ask(Instruction.PING, broadcast=True) is not None
    assert host.write_bytes(65, b"\x01", broadcast=True) is None
    assert host.read("led") == 1
    assert host.ask(Instruction.READ, bytes([65, 0, 1, 0]), broadcast=True) is None


@pytest.mark.parametrize(
    ("level", "ping", "read", "write"),
    [(0, True, False, False), (1, True, True, False), (2, True, True, True)],
)
def test_status_return_level(level: int, ping: bool, read: bool, write: bool) -> None:
    host = make_host()
    host.servo.set_register("status_return_level", level, 0)
    assert (host.ask(Instruction.PING) is not None) == ping
    assert (host.read_bytes(132, 4) is not None) == read
    assert (host.servo.read_for_sync(132, 4, 0) is not None) == read
    assert (host.write_bytes(65, b"\x01") is not None) == write
    assert host.servo.register("led", 0) == 1


def test_secondary_id_obeys_in_silence_and_leaves_the_eeprom_alone() -> None:
    host = make_host(servo_id=3)
    assert host.servo.addressed(9) is Addressing.OTHER
    host.write("secondary_id", 9)
    assert host.servo.addressed(9) is Addressing.SHADOW
    assert host.servo.addressed(3) is Addressing.OWN
    assert host.servo.addressed(0xFE) is Addressing.ALL
    assert host.write_bytes(65, b"\x01", is_shadow=True) is None
    host.write_bytes(9, b"\x00", is_shadow=True)
    assert (host.read("led"), host.read("return_delay_time")) == (1, 250)


def test_id_and_line_settings_change_over_the_bus() -> None:
    host = make_host(servo_id=3)
    host.write("id", 200)
    host.write("baud_rate", 4)
    host.write("return_delay_time", 10)
    servo = host.servo
    assert (servo.servo_id, servo.baud_rate) == (200, 2_000_000)
    assert servo.return_delay_s == pytest.approx(20e-6)
    assert servo.addressed(3) is Addressing.OTHER


def test_unknown_instructions_are_refused() -> None:
    host = make_host()
    assert host.ask(0x77) == Reply(2)
    assert host.ask(Instruction.SYNC_READ, bytes(4)) == Reply(2)


def test_sync_writes_that_are_refused_are_ignored() -> None:
    host = make_host()
    host.servo.write_for_sync(116, (5000).to_bytes(4, "little"), 0)
    assert host.read("goal_position") == 0
    host.servo.write_for_sync(116, (4000).to_bytes(4, "little"), 0)
    assert host.read("goal_position") == 4000


def test_sync_read_carries_errors() -> None:
    assert make_host().servo.read_for_sync(660, 4, 0) == Reply(ACCESS)


def test_a_measurement_is_read_back_in_counts() -> None:
    host = make_host().at(5)
    host.servo.sense(pi, -2.0, 0.5, 41.4, 11.62, host.now_ns, pwm=0.25)
    assert host.read("present_position") == 2048
    assert host.read("present_velocity") == round(-2.0 / units.VELOCITY_RAD_S)
    assert host.read("present_current") == round(0.5 / 2.69e-3)
    assert host.read("present_pwm") == 221
    assert host.read("present_temperature") == 41
    assert host.read("present_input_voltage") == 116
    assert host.read("goal_position") == 2048


def test_an_xl430_reports_a_load() -> None:
    host = make_host(1060)
    host.servo.sense(0.0, 0.0, -0.7, 25.0, 12.0, 0)
    assert host.read("present_load") == -500


def test_the_motor_is_asked_for_the_goal_while_the_torque_is_on() -> None:
    host = make_host()
    host.sense(pi)
    host.write("goal_position", 3072)
    assert host.servo.motor_command(0).control is Control.OFF
    host.write("torque_enable", 1)
    command = host.servo.motor_command(0)
    assert command.control is Control.POSITION
    assert command.position_rad == pytest.approx(1.5 * pi)
    host.write("torque_enable", 0)
    assert host.servo.motor_command(0).control is Control.OFF


@pytest.mark.parametrize(("policy", "counts"), [("keep", 3000), ("present", 1024)])
def test_goal_at_torque_on(policy: str, counts: int) -> None:
    host = make_host(goal_on_torque=policy)
    host.sense(0.5 * pi)
    host.write("goal_position", 3000)
    host.write("torque_enable", 1)
    command = host.servo.motor_command(0)
    assert command.position_rad == pytest.approx(counts * units.POSITION_RAD)


def test_realtime_tick_counts_milliseconds_and_wraps() -> None:
    host = make_host()
    assert host.at(1234.9).read("realtime_tick") == 1234
    assert host.at(32768 + 7).read("realtime_tick") == 7


def test_reboot_is_announced_then_silent_then_all_new() -> None:
    host = make_host(reboot_silence_s=0.3)
    host.sense(5 * pi)
    host.write("moving_threshold", 33)
    host.write("led", 1)
    host.write("torque_enable", 1)
    assert host.at(100).ask(Instruction.REBOOT) == Reply(0)
    assert host.servo.motor_command(host.now_ns).control is Control.OFF
    assert host.at(399).ask(Instruction.PING) is None
    assert host.servo.read_for_sync(132, 4, host.now_ns) is None
    assert host.at(410).read("realtime_tick") == 10
    assert [host.read(name) for name in ("led", "torque_enable")] == [0, 0]
    assert host.read("moving_threshold") == 33
    assert host.read("goal_position") == host.read("present_position") == 2048


def test_reboot_status_may_be_missing() -> None:
    host = make_host(1060, reboot_status=False)
    assert host.ask(Instruction.REBOOT) is None
    assert host.at(301).ask(Instruction.PING) is not None


def test_firmware_decides_about_fast_reads_and_registers() -> None:
    assert make_host(firmware=45).servo.has_fast_reads
    old = make_host(firmware=37)
    assert not old.servo.has_fast_reads
    assert old.read_bytes(98, 1) == Reply(ACCESS)
    assert old.write_bytes(98, b"\x05") == Reply(ACCESS)


def test_protocol_1_makes_it_deaf_to_protocol_2() -> None:
    host = make_host()
    host.write("protocol_type", 1)
    assert host.servo.addressed(1) is Addressing.OTHER


def test_protections_latch_alert_and_shut_down() -> None:
    host = make_host()
    host.write("torque_enable", 1)
    host.servo.sense(0.0, 0.0, 0.0, 81.0, 12.0, 10 * MS)
    assert host.at(11).read_bytes(70, 1) == Reply(0x80, b"\x04")
    assert host.read_bytes(64, 1) == Reply(0x80, b"\x00")
    assert host.write("torque_enable", 1) == 0x80
    assert host.read("torque_enable") == 0
    host.servo.sense(0.0, 0.0, 0.0, 30.0, 12.0, 12 * MS)
    assert host.read("hardware_error_status") == 4
    assert host.ask(Instruction.REBOOT) == Reply(0x80)
    host.at(500)
    assert host.write("torque_enable", 1) == 0
    assert host.read("torque_enable") == 1
