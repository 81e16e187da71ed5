"""Faults of servos and bus while the robot moves; rows are of the fault catalogue."""

import time
from collections.abc import Iterator
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest

from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.robot import DynamixelRobot
from hal.dynamixel.settings import DynamixelSettings
from hal.errors import CommandError, HalError, LifecycleError, RobotReadError
from hal.lifecycle import Lifecycle
from hal.robots.dclaw import DCLAW
from hal.robots.dkitty import DKITTY
from hal.types import JointCommand
from sim.servo_bus.client import RunningBus, start_virtual_bus
from tests.hal.dynamixel.servo_rig import (
    JOINT_IDS,
    command,
    fault_of,
    make_robot,
    pristine,
    running,
    tend,
    torques,
    wait_until,
)


@pytest.fixture(scope="module")
def shared_bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBus]:
    link = tmp_path_factory.mktemp("bus") / "port"
    with start_virtual_bus("dclaw", record=None, port_link=str(link)) as bus:
        yield bus


@pytest.fixture
def bus(shared_bus: RunningBus) -> Iterator[RunningBus]:
    pristine(shared_bus)
    yield shared_bus
    shared_bus.clear()


@pytest.fixture
def robot(bus: RunningBus) -> Iterator[DynamixelRobot]:
    with running(bus.port) as active:
        yield active


def move_and_look(robot: DynamixelRobot, cycles: int) -> None:
    """Command a slow wave, looking at the bus in between; every state must be plausible."""
    for cycle in range(cycles):
        robot.write(command(robot, 0.1 * np.sin(cycle / 5)))
        state = robot.read()
        assert np.abs(state.joint_position_rad).max() < 0.5
        assert np.abs(state.joint_velocity_rad_s).max() < 3 * 2.1
        tend(robot, 1)


# --- lost, damaged and strange answers


def test_row_1_one_lost_answer_is_asked_for_again_within_the_cycle(
    bus: RunningBus, robot: DynamixelRobot
):
    for servo_id in (10, 21, 32):
        bus.inject("drop", servo_id=servo_id, count=1)
        state = robot.read()
        assert state.valid.all()
    counters = robot.health().counters
    assert counters["retries"] >= 3
    assert counters["timeouts"] >= 3


@pytest.mark.parametrize("chain", ["continue", "stop"])
def test_row_2_mute_servo_freezes_goals_and_is_never_shown_as_fresh(chain: str):
    with start_virtual_bus("dclaw", record=None, chain=chain) as bus:
        pristine(bus)
        with running(bus.port, comm_fault_s=5.0) as robot:
            robot.write(command(robot, 0.05))
            tend(robot, 3)
            bus.inject("mute", servo_id=21)
            tend(robot, 4)
            state = robot.read()
            assert state.valid.tolist() == [i != 21 for i in JOINT_IDS]
            assert any(w.startswith("DEGRADED") and "MFJ21" in w for w in robot.health().warnings)
            ages = {j.servo_id: j.age_s for j in robot.health().joints}
            assert ages[21] > max(age for i, age in ages.items() if i != 21)
            frozen = robot.write(command(robot, 0.2)).position_rad
            assert np.abs(frozen - 0.05).max() < 0.002
            assert bus.table(20)["goal_position"] < 1024 + 0.1 * 4096 / (2 * np.pi)
            bus.clear()
            tend(robot, 2)
            assert robot.read().valid.all()
            assert np.abs(robot.write(command(robot, 0.1)).position_rad - 0.1).max() < 0.002


def test_row_3_servo_silent_for_too_long_is_a_fault_by_its_name(
    bus: RunningBus, robot: DynamixelRobot
):
    bus.inject("mute", servo_id=21)
    started = time.monotonic()
    error = fault_of(robot)
    assert time.monotonic() - started < 3.0
    assert error.reason == "SERVO_SILENT"
    assert "MFJ21 (servo 21)" in str(error)
    assert robot.deactivate() == ("MFJ21",)
    assert [name for name, is_on in torques(bus).items() if is_on] == ["MFJ21"]
    bus.clear()
    wait_until(lambda: _reads(robot) and not torques(bus)["MFJ21"])


def test_everybody_silent_is_a_lost_bus(bus: RunningBus, robot: DynamixelRobot):
    bus.inject("drop")
    error = fault_of(robot)
    assert error.reason == "BUS_LOST"
    bus.clear()
    assert robot.deactivate() == ()


@pytest.mark.parametrize(
    ("fault", "values", "counter"),
    [
        ("flip", {"bits": 3}, "crc_errors"),  # row 4
        ("truncate", {"bytes": 5}, "timeouts"),  # row 5
        ("garbage", {"bytes": 20}, "skipped_bytes"),  # row 6
        ("late", {"delay_s": 0.03}, None),  # row 35
        ("duplicate", {}, None),
        ("delay", {"delay_s": 0.005}, None),
    ],
)
def test_disturbed_answers_give_no_wrong_value(
    bus: RunningBus, fault: str, values: dict[str, float], counter: str | None
):
    with running(bus.port, comm_fault_s=3.0) as robot:
        bus.inject(fault, probability=0.1, **values)
        move_and_look(robot, 15)
        if counter is not None:
            assert robot.health().counters[counter] > 0
        bus.clear()
        tend(robot, 5)
        assert robot.read().valid.all()


def test_row_7_flood_ends_no_call_late_and_is_a_fault(bus: RunningBus, robot: DynamixelRobot):
    bus.inject("flood")
    started = time.monotonic()
    error = fault_of(robot, cycles=30)
    assert error.reason in ("BUS_FLOODED", "BUS_LOST")
    assert time.monotonic() - started < 3.0
    bus.clear()
    wait_until(lambda: robot.deactivate() == ())


def test_row_8_foreign_answers_are_ignored_and_warned_of(bus: RunningBus, robot: DynamixelRobot):
    bus.inject("foreign", probability=0.2)
    move_and_look(robot, 20)
    assert any(w.startswith("UNEXPECTED_SERVO") for w in robot.health().warnings)


def test_row_36_own_echo_is_recognised(bus: RunningBus):
    bus.inject("echo")
    with running(bus.port) as robot:
        move_and_look(robot, 10)
        assert robot.health().counters["echoes"] > 0


@pytest.mark.parametrize(
    ("fault", "values"), [("error_status", {"number": 7}), ("wrong_length", {"bytes": -4})]
)
def test_row_38_answers_of_the_wrong_shape_are_missing_answers(
    bus: RunningBus, fault: str, values: dict[str, int]
):
    with running(bus.port, fast_reads=False, comm_fault_s=3.0) as robot:
        bus.inject(fault, servo_id=12, count=4, **values)
        move_and_look(robot, 10)
        assert robot.health().counters["retries"] > 0


# --- the port


def test_row_16_and_17_unplugged_in_motion_and_back_without_torque(
    bus: RunningBus, robot: DynamixelRobot
):
    robot.write(command(robot, 0.1))
    bus.unplug()
    with pytest.raises(HalError) as caught:
        robot.tend()
    assert caught.value.reason == "BUS_LOST"
    with pytest.raises(HalError) as caught:
        robot.write(command(robot, 0.2))
    assert caught.value.reason == "BUS_LOST"
    assert set(DCLAW.joint_names) <= set(robot.deactivate())
    with pytest.raises(HalError) as caught:
        robot.read()
    assert caught.value.reason == "BUS_LOST"
    assert robot.health().warnings[0].startswith("BUS_LOST")
    assert any(torques(bus).values()), "nobody could reach them"
    bus.replug()
    wait_until(lambda: _reads(robot), timeout_s=10)
    assert not any(torques(bus).values()), "torque-off was still owed"
    assert robot.lifecycle is Lifecycle.INACTIVE
    assert robot.health().counters["reconnections"] == 1
    robot.activate()
    tend(robot, 3)


def _reads(robot: DynamixelRobot) -> bool:
    try:
        return bool(robot.read().valid.all())
    except RobotReadError:
        return False


def test_row_18_adaptor_that_takes_no_bytes_blocks_nobody(bus: RunningBus, robot: DynamixelRobot):
    bus.inject("stop_draining")
    started = time.monotonic()
    error = fault_of(robot, cycles=2000)
    assert error.reason == "BUS_LOST"
    assert time.monotonic() - started < 10.0
    started = time.monotonic()
    assert robot.deactivate()
    assert time.monotonic() - started < 2.0
    bus.clear()
    wait_until(lambda: _reads(robot), timeout_s=10)
    assert not any(torques(bus).values())


# --- servos


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("overload", "SERVO_OVERLOAD"),  # row 21
        ("overheat", "SERVO_OVERHEAT"),  # row 22
        ("shock", "SERVO_SHOCK"),  # row 24
        ("encoder", "SERVO_ENCODER"),
    ],
)
def test_latched_error_stops_until_rebooted(
    bus: RunningBus, robot: DynamixelRobot, fault: str, reason: str
):
    bus.inject(fault, servo_id=22)
    error = fault_of(robot, cycles=3)
    assert error.reason == reason
    assert "MFJ22 (servo 22)" in str(error)
    assert robot.deactivate() == ()
    for _ in range(2):
        with pytest.raises(HalError) as caught:
            robot.activate()
        assert caught.value.reason == reason
    assert not any(torques(bus).values())
    robot.reboot_servo("MFJ22")
    assert not any(torques(bus).values()), "a reboot never brings torque"
    robot.activate()
    tend(robot, 3)


def test_row_40_reboot_counts_by_its_outcome(bus: RunningBus):
    with make_robot(bus.port) as robot:
        robot.configure()
        bus.inject("overload", servo_id=10)
        bus.inject("deaf_reboot", servo_id=10)
        robot.reboot_servo("FFJ10")
        assert robot.read().valid.all()
        with pytest.raises(CommandError, match="no servo moves 'elbow'"):
            robot.reboot_servo("elbow")
        robot.activate()
        with pytest.raises(LifecycleError):
            robot.reboot_servo("FFJ10")


def test_row_40_reboot_that_does_not_help_says_so(bus: RunningBus):
    with make_robot(bus.port) as robot:
        robot.configure()
        bus.inject("mute", servo_id=10)
        with pytest.raises(HalError) as caught:
            robot.reboot_servo("FFJ10")
        assert caught.value.reason == "REBOOT_FAILED"


def test_row_22_hot_servo_is_warned_of_then_stopped():
    with start_virtual_bus("dclaw", record=None) as bus, running(bus.port) as robot:
        bus.inject("temperature", servo_id=12, temperature_c=72.0)
        tend(robot, 3)
        assert any(w.startswith("SERVO_HOT") and "FFJ12" in w for w in robot.health().warnings)
        assert robot.read().joint_temperature_c[2] == 72.0
        bus.inject("temperature", servo_id=12, temperature_c=77.0)
        assert fault_of(robot, cycles=3).reason == "SERVO_OVERHEAT"


def test_row_23_low_voltage_stops(bus: RunningBus, robot: DynamixelRobot):
    bus.inject("voltage_sag", voltage_v=9.7)
    error = fault_of(robot, cycles=3)
    assert error.reason == "SERVO_VOLTAGE"
    assert "9.7 V" in str(error)


def test_row_23_and_39_voltage_alert_is_surfaced_and_data_used(
    bus: RunningBus, robot: DynamixelRobot
):
    bus.inject("voltage", servo_id=10)
    move_and_look(robot, 5)
    assert robot.read().valid.all()
    assert any(w.startswith("SERVO_VOLTAGE") and "FFJ10" in w for w in robot.health().warnings)
    assert {j.servo_id: j.hardware_error for j in robot.health().joints}[10] == 1


@pytest.mark.parametrize(("servo_id", "name"), [(31, "THJ31"), (50, "valve")])
def test_row_25_power_cycle_is_noticed_and_never_undone_silently(
    bus: RunningBus, robot: DynamixelRobot, servo_id: int, name: str
):
    bus.inject("brownout", servo_id=servo_id, silence_s=0.01)
    error = fault_of(robot, cycles=5)
    assert error.reason == "SERVO_REBOOTED"
    assert name in str(error)
    assert not torques(bus)[name]
    assert robot.deactivate() == ()
    assert robot.read().sequence > 0
    assert robot.read().valid.all()
    robot.activate()
    tend(robot, 3)


def test_row_28_tripped_watchdog_is_seen_and_cleared_only_by_activation(bus: RunningBus):
    with running(bus.port, watchdog_s=0.1, bus_period_s=0.02) as robot:
        time.sleep(0.3)
        with pytest.raises(HalError) as caught:
            robot.tend()
        assert caught.value.reason == "WATCHDOG_TRIPPED"
        assert "0.1 s" in str(caught.value)
        assert robot.deactivate() == ()
    with running(bus.port) as robot:
        robot.write(command(robot, 0.1))
        tend(robot, 3)
        assert bus.table(10)["bus_watchdog"] == 50


def test_row_31_goal_that_a_servo_refuses_is_a_fault(bus: RunningBus, robot: DynamixelRobot):
    bus.set_register(10, "max_position_limit", 1100)
    try:
        robot.write(command(robot, 0.3))
        error = fault_of(robot, cycles=10)
    finally:
        bus.set_register(10, "max_position_limit", 4095)
    assert error.reason == "GOAL_REJECTED"
    assert "FFJ10 (servo 10)" in str(error)


def test_row_33_single_glitch_is_rejected_three_are_a_fault(bus: RunningBus, robot: DynamixelRobot):
    before = robot.read().joint_position_rad[1]
    bus.inject("glitch", servo_id=11, count=1)
    state = robot.read()
    assert not state.valid[1]
    assert state.joint_position_rad[1] == pytest.approx(before, abs=0.01)
    assert robot.read().valid.all()
    bus.inject("encoder_jump", servo_id=11, ticks=900)
    error = fault_of(robot, cycles=6)
    assert error.reason == "SENSOR_JUMP"
    assert "FFJ11 (servo 11)" in str(error)


def test_row_34_velocity_spike_reaches_nobody(bus: RunningBus, robot: DynamixelRobot):
    bus.inject("velocity_spike", servo_id=11, count=1, ticks=5000)
    state = robot.read()
    assert state.valid.all()
    assert np.abs(state.joint_velocity_rad_s).max() < 0.5
    assert robot.health().counters["velocity_spikes"] == 1


# --- commands and ends


@pytest.mark.parametrize("angle", [nan, inf, -inf, 10.0])
def test_row_41_wrong_command_reaches_no_servo(
    bus: RunningBus, robot: DynamixelRobot, angle: float
):
    goals = [bus.table(i)["goal_position"] for i in JOINT_IDS]
    with pytest.raises(CommandError):
        robot.write(JointCommand(np.full(9, angle)))
    assert [bus.table(i)["goal_position"] for i in JOINT_IDS] == goals


def test_soft_start_ends(bus: RunningBus, robot: DynamixelRobot):
    assert bus.table(10)["profile_velocity"] > 0
    time.sleep(0.15)
    tend(robot, 2)
    assert {bus.table(i)["profile_velocity"] for i in JOINT_IDS} == {0}


def test_lost_goal_is_sent_again(bus: RunningBus, robot: DynamixelRobot):
    sent = robot.write(command(robot, 0.1)).position_rad
    tend(robot, 1)
    bus.set_register(10, "goal_position", 1000)
    tend(robot, 2)
    goal = default_calibration("dclaw").to_ticks(sent)[0]
    assert bus.table(10)["goal_position"] == goal
    assert robot.health().counters["goals_resent"] >= 1


def test_closing_leaves_it_limp(bus: RunningBus):
    with running(bus.port) as robot:
        assert all(torques(bus)[name] for name in DCLAW.joint_names)
        robot.close()
        assert not any(torques(bus).values())


def test_parts_of_another_robot_are_refused(tmp_path: Path):
    settings = DynamixelSettings(str(tmp_path / "port"))
    calibration = default_calibration("dkitty")
    clock = make_robot("port")._clock  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(ValueError, match="the calibration is of a dkitty"):
        DynamixelRobot(DCLAW, calibration, settings, clock, period_s=0.1)
    with pytest.raises(ValueError, match="torso"):
        DynamixelRobot(DKITTY, calibration, settings, clock, period_s=0.1)
    with pytest.raises(ValueError, match="period_s is 0"):
        DynamixelRobot(DCLAW, default_calibration("dclaw"), settings, clock, period_s=0.0)
