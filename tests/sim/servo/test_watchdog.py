"""The bus watchdog, step by step as the manual's example, with both readings of what feeds it."""

from math import pi
from typing import Any

import pytest

from hal.dynamixel.packet import Instruction
from sim.servo.motor import Control
from tests.sim.servo.host import MS, Host, make_host

DATA_RANGE = 4
TRIPPED = 0xFF


def armed(mode: int = 3, model: int = 1020, **options: Any) -> Host:
    """Torque on at time 0 with a watchdog of 100 ms."""
    host = make_host(model, **options)
    host.sense(pi)
    if mode != 3:
        host.write("operating_mode", mode)
    host.write("torque_enable", 1)
    host.write("bus_watchdog", 5)
    return host


def is_tripped(host: Host, milliseconds: float) -> bool:
    """Looked up without a packet."""
    return host.servo.register("bus_watchdog", round(milliseconds * MS)) == TRIPPED


def test_it_trips_after_its_time_without_packets() -> None:
    host = armed()
    assert not is_tripped(host, 100)
    assert is_tripped(host, 100.1)
    assert host.at(101).read("bus_watchdog") == TRIPPED


def test_the_packet_that_comes_too_late_does_not_save_it() -> None:
    host = armed()
    assert host.at(150).read("bus_watchdog") == TRIPPED


@pytest.mark.parametrize("milliseconds", [99, 60])
def test_reads_feed_it(milliseconds: int) -> None:
    host = armed()
    for count in range(1, 30):
        assert host.at(count * milliseconds).read("bus_watchdog") == 5


@pytest.mark.parametrize(("feed", "survives"), [("any", True), ("own", False)])
def test_packets_for_others(feed: str, survives: bool) -> None:
    host = armed(feed=feed)
    for milliseconds in (50, 100, 150):
        host.servo.hear(milliseconds * MS)
    assert is_tripped(host, 160) is not survives


@pytest.mark.parametrize("feed", ["any", "own"])
def test_sync_and_broadcast_packets_feed_it(feed: str) -> None:
    host = armed(feed=feed)
    host.servo.read_for_sync(132, 4, 90 * MS)
    host.servo.write_for_sync(116, (2048).to_bytes(4, "little"), 180 * MS)
    host.at(270).write_bytes(65, b"\x01", broadcast=True)
    assert not is_tripped(host, 369)
    assert is_tripped(host, 371)


def test_it_counts_only_while_the_torque_is_on() -> None:
    host = armed()
    host.write("torque_enable", 0)
    assert not is_tripped(host, 5000)
    host.at(5000).write("torque_enable", 1)
    assert not is_tripped(host, 5099)
    assert is_tripped(host, 5101)


def test_zero_is_off() -> None:
    host = armed()
    host.write("bus_watchdog", 0)
    assert not is_tripped(host, 99_999)


def test_a_trip_keeps_the_torque_and_holds_the_position() -> None:
    host = armed()
    host.write("profile_velocity", 50)
    host.write("goal_position", 4000)
    host.servo.sense(pi + 0.1, 2.0, 0.5, 25.0, 12.0, 101 * MS)
    command = host.servo.motor_command(102 * MS)
    assert command.control is Control.POSITION
    assert command.position_rad == pytest.approx(pi, abs=0.01)
    assert host.servo.motor_command(5000 * MS).position_rad == command.position_rad
    assert host.at(5000).read("torque_enable") == 1


def test_goals_are_read_only_until_it_is_cleared() -> None:
    host = armed()
    host.at(200)
    for name in ("goal_position", "goal_velocity", "goal_pwm", "goal_current"):
        assert host.write(name, 10) == DATA_RANGE
    host.servo.write_for_sync(116, (3000).to_bytes(4, "little"), host.now_ns)
    assert host.read("goal_position") == 2048
    assert host.write("bus_watchdog", 5) == DATA_RANGE
    assert host.write("profile_velocity", 9) == 0
    assert host.write("bus_watchdog", 0) == 0
    assert host.read("bus_watchdog") == 0
    assert host.write("goal_position", 3000) == 0
    assert host.servo.motor_command(host.now_ns + 9000 * MS).position_rad == pytest.approx(
        3000 * 2 * pi / 4096
    )


def test_example_of_the_manual_in_velocity_mode() -> None:
    host = armed(mode=1)
    host.write("goal_velocity", 50)
    assert host.servo.motor_command(0).velocity_rad_s == pytest.approx(50 * 0.229 * 2 * pi / 60)
    assert host.servo.motor_command(101 * MS).velocity_rad_s == 0
    host.at(200)
    assert host.write("goal_velocity", 150) == DATA_RANGE
    host.write("bus_watchdog", 0)
    assert host.servo.motor_command(host.now_ns).velocity_rad_s == 0
    assert host.write("goal_velocity", 150) == 0
    assert host.servo.motor_command(host.now_ns).velocity_rad_s > 0


@pytest.mark.parametrize(("mode", "goal"), [(0, "goal_current"), (16, "goal_pwm")])
def test_a_trip_ends_the_output_of_open_loop_modes(mode: int, goal: str) -> None:
    host = armed(mode=mode)
    host.write(goal, 100)
    before = host.servo.motor_command(50 * MS)
    after = host.servo.motor_command(101 * MS)
    field = "current_a" if mode == 0 else "pwm"
    assert getattr(before, field) > 0
    assert getattr(after, field) == 0


@pytest.mark.parametrize(("offset", "error"), [(0, 0), (300, 300)])
def test_extended_position_mode_with_a_homing_offset_moves_on(offset: int, error: int) -> None:
    host = make_host()
    host.sense(pi)
    host.write("homing_offset", offset)
    host.write("operating_mode", 4)
    host.write("torque_enable", 1)
    host.write("bus_watchdog", 5)
    shaft_rad = host.servo.motor_command(101 * MS).position_rad
    assert shaft_rad == pytest.approx(pi + error * 2 * pi / 4096)


def test_a_reboot_disarms_it() -> None:
    host = armed()
    host.ask(Instruction.REBOOT)
    assert host.at(400).read("bus_watchdog") == 0


def test_torque_off_and_on_does_not_clear_it() -> None:
    host = armed()
    host.at(200).write("torque_enable", 0)
    host.sense(1.5 * pi)
    host.write("torque_enable", 1)
    assert host.read("bus_watchdog") == TRIPPED
    assert host.servo.motor_command(host.now_ns).position_rad == pytest.approx(1.5 * pi)
