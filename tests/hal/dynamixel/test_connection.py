"""What a robot refuses to connect to or to give torque to; rows are of the fault catalogue."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hal.dynamixel.robot import DynamixelRobot
from hal.errors import HalError
from hal.lifecycle import Lifecycle
from sim.servo_bus.client import RunningBus, start_virtual_bus
from tests.hal.dynamixel.servo_rig import (
    JOINT_IDS,
    command,
    make_robot,
    pristine,
    running,
    tend,
    torques,
)


@pytest.fixture(scope="module")
def shared_bus() -> Iterator[RunningBus]:
    with start_virtual_bus("dclaw", record=None) as bus:
        yield bus


@pytest.fixture
def bus(shared_bus: RunningBus) -> Iterator[RunningBus]:
    pristine(shared_bus)
    yield shared_bus
    shared_bus.clear()


def refusal(robot: DynamixelRobot) -> HalError:
    with pytest.raises(HalError) as caught:
        robot.configure()
    assert robot.lifecycle is Lifecycle.UNCONFIGURED
    return caught.value


# --- who is on the bus


def test_row_9_duplicate_id_is_refused_without_torque(bus: RunningBus):
    bus.inject("duplicate_id", servo_id=21)
    error = refusal(make_robot(bus.port))
    assert error.reason == "DUPLICATE_ID"
    assert "21" in str(error)
    assert not any(torques(bus).values())


def test_row_10_missing_servo_is_named_with_what_was_found(bus: RunningBus):
    bus.inject("mute", servo_id=31)
    error = refusal(make_robot(bus.port))
    assert error.reason == "MISSING_SERVO"
    for part in ("THJ31 (id 31)", "10 (model 1020)", "1000000 baud"):
        assert part in str(error)


def test_row_11_wrong_baud_finds_nobody_and_says_which_baud(bus: RunningBus):
    error = refusal(make_robot(bus.port, baud_rate=57_600))
    assert error.reason == "MISSING_SERVO"
    assert "57600 baud" in str(error)
    assert "nobody" in str(error)


def test_row_12_firmware_without_watchdog_is_refused_unless_allowed():
    with start_virtual_bus("dclaw", record=None, firmware=37) as old:
        error = refusal(make_robot(old.port))
        assert error.reason == "FIRMWARE_TOO_OLD"
        assert "FFJ10 (servo 10)" in str(error)
        with running(old.port, allow_no_watchdog=True) as robot:
            assert robot.health().watchdog_s is None
            assert any(w.startswith("NO_WATCHDOG") for w in robot.health().warnings)
            tend(robot, 3)


def test_row_12_other_model_of_the_table_works():
    with (
        start_virtual_bus("dclaw", record=None, model=1060) as other,
        running(other.port) as robot,
    ):
        state = robot.read()
        assert state.valid.all()
        assert np.isnan(state.joint_current_ma).all()  # measures load, not current
        robot.write(command(robot, 0.1))
        tend(robot, 5)


def test_optional_guide_may_be_absent(bus: RunningBus):
    bus.inject("mute", servo_id=60)
    with make_robot(bus.port) as robot:
        robot.configure()
        assert robot.health().warnings == ()


# --- the port


def test_row_13_missing_port_is_named(tmp_path: Path):
    error = refusal(make_robot(str(tmp_path / "ttyUSB0")))
    assert error.reason == "PORT_MISSING"
    assert "ttyUSB0" in str(error)


def test_row_14_second_owner_is_refused_and_the_first_undisturbed(bus: RunningBus):
    with make_robot(bus.port) as robot:
        robot.configure()
        assert refusal(make_robot(bus.port)).reason == "PORT_BUSY"
        assert robot.read().valid.all()


def test_row_15_failed_connection_leaves_the_port_free(bus: RunningBus):
    bus.inject("mute", servo_id=31)
    robot = make_robot(bus.port)
    assert refusal(robot).reason == "MISSING_SERVO"
    bus.clear()
    with robot:
        robot.configure()
        assert robot.read().valid.all()


def test_row_19_rates_above_the_measured_capacity_are_refused():
    with start_virtual_bus("dclaw", record=None, latency_ms=16) as slow:
        error = refusal(make_robot(slow.port, bus_period_s=0.01))
        assert error.reason == "RATE_TOO_HIGH"
        assert "10.0 ms" in str(error)


# --- how they are set up


@pytest.mark.parametrize(
    ("register", "value", "usual", "reason"),
    [
        ("homing_offset", 100, 0, "HOMING_OFFSET_SET"),  # row 29
        ("operating_mode", 4, 3, "OPERATING_MODE"),  # row 32
        ("drive_mode", 1, 0, "DRIVE_MODE"),
        ("secondary_id", 30, 255, "SECONDARY_ID"),
        ("startup_configuration", 1, 0, "STARTUP_TORQUE"),
        ("max_position_limit", 2500, 4095, "SERVO_LIMITS_TOO_TIGHT"),  # row 31
        ("min_position_limit", 1900, 0, "SERVO_LIMITS_TOO_TIGHT"),
    ],
)
def test_unsafe_setting_is_refused(
    bus: RunningBus, register: str, value: int, usual: int, reason: str
):
    bus.set_register(22, register, value)
    try:
        error = refusal(make_robot(bus.port))
    finally:
        bus.set_register(22, register, usual)
    assert error.reason == reason
    assert "MFJ22 (servo 22)" in str(error)
    assert str(value) in str(error)


def test_row_20_return_delay_is_warned_of_and_set_only_when_asked(bus: RunningBus):
    bus.set_register(10, "return_delay_time", 250)
    with make_robot(bus.port) as robot:
        robot.configure()
        assert any("FFJ10" in w and "500 us" in w for w in robot.health().warnings)
    assert bus.table(10)["return_delay_time"] == 250
    with make_robot(bus.port, configure_servos=True) as robot:
        robot.configure()
        assert robot.health().warnings == ()
    assert bus.table(10)["return_delay_time"] == 0


def test_row_30_nothing_is_configured_under_torque(bus: RunningBus):
    bus.set_register(10, "return_delay_time", 250)
    bus.set_register(10, "torque_enable", 1)
    with make_robot(bus.port, configure_servos=True) as robot:
        robot.configure()
    assert bus.table(10)["return_delay_time"] == 250
    bus.set_register(10, "torque_enable", 0)
    bus.set_register(10, "return_delay_time", 0)


# --- torque


def test_row_26_torque_found_on_is_left_alone_and_reported(bus: RunningBus):
    for servo_id in JOINT_IDS:
        bus.set_register(servo_id, "torque_enable", 1)
    goals = [bus.table(i)["goal_position"] for i in JOINT_IDS]
    with make_robot(bus.port) as robot:
        robot.configure()
        robot.read()
        assert sum(w.startswith("TORQUE_FOUND_ON") for w in robot.health().warnings) == 9
        assert [bus.table(i)["goal_position"] for i in JOINT_IDS] == goals
        before = robot.read().joint_position_rad
        robot.activate()
        assert abs(robot.read().joint_position_rad - before).max() < 0.01
        assert robot.deactivate() == ()
    assert not any(torques(bus).values())


def test_row_26_torque_found_on_is_taken_off_where_that_is_the_policy(bus: RunningBus):
    bus.set_register(10, "torque_enable", 1)
    with make_robot(bus.port, relax_on_connect=True) as robot:
        robot.configure()
        assert not any(torques(bus).values())


def test_row_27_goal_is_the_present_position_before_torque_comes_on(bus: RunningBus):
    for servo_id in JOINT_IDS:
        bus.set_register(servo_id, "goal_position", 0)
    with running(bus.port, soft_start_s=5.0) as robot:
        for servo_id in JOINT_IDS:
            table = bus.table(servo_id)
            assert table["torque_enable"] == 1
            assert abs(table["goal_position"] - table["present_position"]) <= 2
            assert table["bus_watchdog"] == 50
            assert 0 < table["profile_velocity"] < 30
        assert robot.health().watchdog_s == pytest.approx(1.0)
        assert not torques(bus)["valve"]


def test_joint_outside_its_travel_gets_no_torque(bus: RunningBus):
    bus.set_register(32, "max_position_limit", 3100)
    bus.set_joint("THJ32", 1.9)  # 3287 ticks; the last link sinks slowly
    try:
        with make_robot(bus.port) as robot:
            robot.configure()
            with pytest.raises(HalError) as caught:
                robot.activate()
            assert robot.lifecycle is Lifecycle.INACTIVE
    finally:
        bus.set_register(32, "max_position_limit", 4095)
    assert caught.value.reason == "POSITION_OUTSIDE_TRAVEL"
    assert "THJ32" in str(caught.value)
    assert not any(torques(bus).values())


@pytest.mark.parametrize(
    ("fault", "values", "reason"),
    [
        ("temperature", {"temperature_c": 65.0}, "SERVO_OVERHEAT"),  # row 22
        ("voltage_sag", {"voltage_v": 9.0}, "SERVO_VOLTAGE"),  # row 23
        ("overload", {}, "SERVO_OVERLOAD"),  # row 21
        ("shock", {}, "SERVO_SHOCK"),  # row 24
        ("encoder", {}, "SERVO_ENCODER"),
        ("overheat", {}, "SERVO_OVERHEAT"),
        ("voltage", {}, "SERVO_VOLTAGE"),
    ],
)
def test_unfit_servo_gets_no_torque(
    bus: RunningBus, fault: str, values: dict[str, float], reason: str
):
    with make_robot(bus.port) as robot:
        robot.configure()
        bus.inject(fault, servo_id=11, **values)
        robot.read()
        with pytest.raises(HalError) as caught:
            robot.activate()
        assert caught.value.reason == reason
        assert "FFJ11 (servo 11)" in str(caught.value)
        assert any(w.startswith(reason) for w in robot.health().warnings) or fault == "temperature"
    assert not any(torques(bus).values())


def test_servo_that_falls_silent_during_activation_leaves_all_limp(bus: RunningBus):
    with make_robot(bus.port) as robot:
        robot.configure()
        bus.inject("mute", servo_id=32)
        with pytest.raises(HalError) as caught:
            robot.activate()
        assert caught.value.reason == "SERVO_SILENT"
        assert "THJ32" in str(caught.value)
        assert robot.lifecycle is Lifecycle.INACTIVE
    assert not any(torques(bus).values())
