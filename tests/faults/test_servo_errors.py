"""Servos that stop themselves, run hot, run dry or start anew: rows 21 to 25, 28, 40."""

import contextlib
import time

import pytest

from hal.errors import CommandError, HalError, LifecycleError
from hal.robots.registry import servo_layout
from tests.faults.fault_rig import NAMES, a_joint, move_and_look, refused
from tests.hal.dynamixel.servo_rig import (
    JOINT_IDS,
    command,
    fault_of,
    make_robot,
    running,
    tend,
    torques,
    wait_until,
)

pytestmark = pytest.mark.xdist_group("timing")

LATCHED = [
    pytest.param("overload", "SERVO_OVERLOAD", id="row_21"),
    pytest.param("overheat", "SERVO_OVERHEAT", id="row_22"),
    pytest.param("shock", "SERVO_SHOCK", id="row_24"),
    pytest.param("encoder", "SERVO_ENCODER", id="row_24_encoder"),
]


@pytest.mark.parametrize(("fault", "reason"), LATCHED)
def test_row_21_22_24_latched_error_stops_until_rebooted(bus, robot, vary, fault, reason):
    servo_id = a_joint(vary)
    name = NAMES[servo_id]
    move_and_look(robot, vary.randrange(1, 5), vary.uniform(0.0, 6.0))
    bus.inject(fault, servo_id=servo_id)
    error = fault_of(robot, cycles=2)
    assert error.reason == reason
    assert f"{name} (servo {servo_id})" in str(error)
    assert robot.deactivate() == ()
    for _ in range(2):
        assert refused(robot.activate, robot).reason == reason
    assert not any(torques(bus).values())
    robot.reboot_servo(name)
    assert not any(torques(bus).values()), "a reboot never brings torque"
    robot.activate()
    tend(robot, 3)


def test_row_22_hot_servo_is_warned_of_then_stopped_then_has_to_cool_down(bus, robot, vary):
    servo_id = a_joint(vary)
    name, warm_c = NAMES[servo_id], float(vary.randrange(70, 75))

    def heat(temperature_c: float) -> None:
        bus.inject("temperature", servo_id=servo_id, temperature_c=temperature_c)
        bus.wait_for(lambda _: bus.table(servo_id)["present_temperature"] == int(temperature_c))

    heat(69.0)
    tend(robot, 2)
    assert not any(w.startswith("SERVO_HOT") for w in robot.health().warnings)
    heat(warm_c)
    tend(robot, 2)
    assert any(w.startswith("SERVO_HOT") and name in w for w in robot.health().warnings)
    assert robot.read().joint_temperature_c[JOINT_IDS.index(servo_id)] == warm_c
    heat(float(vary.randrange(75, 80)))
    assert fault_of(robot, cycles=2).reason == "SERVO_OVERHEAT"
    assert robot.deactivate() == ()
    heat(float(vary.randrange(60, 75)))
    assert refused(robot.activate, robot).reason == "SERVO_OVERHEAT"
    assert not any(torques(bus).values())
    heat(59.0)
    robot.activate()


def test_row_23_low_voltage_stops(bus, robot, vary):
    whose, voltage_v = vary.choice([None, a_joint(vary)]), vary.randrange(70, 100) / 10
    tend(robot, vary.randrange(1, 6))
    bus.inject("voltage_sag", servo_id=whose, voltage_v=voltage_v)
    error = fault_of(robot, cycles=45)
    assert error.reason in ("SERVO_VOLTAGE", "SERVO_OVERLOAD")
    assert f"{voltage_v:.1f} V" in str(error)
    assert robot.deactivate() == ()


def test_row_23_a_dip_of_the_voltage_is_shown_and_stops_nothing(bus, robot, vary):
    """As of all motors that start at once; it ends before the stated time."""
    for _ in range(3):
        bus.inject("voltage_sag", voltage_v=9.6, duration_s=0.2)
        bus.wait_for(lambda _: bus.table(10)["present_input_voltage"] == 96)
        tend(robot, 2)
        assert any(w.startswith("SERVO_VOLTAGE") for w in robot.health().warnings)
        tend(robot, vary.randrange(13, 20))
    assert not any(w.startswith("SERVO_VOLTAGE") for w in robot.health().warnings)
    assert robot.read().valid.all()


def test_row_23_voltage_alert_is_surfaced_in_every_cycle_and_wants_a_reboot(bus, robot, vary):
    servo_id = a_joint(vary)
    bus.inject("voltage", servo_id=servo_id)
    for _ in range(vary.randrange(2, 6)):
        assert robot.read().valid.all()
        warnings = robot.health().warnings
        assert any(w.startswith("SERVO_VOLTAGE") and NAMES[servo_id] in w for w in warnings)
    robot.deactivate()
    assert refused(robot.activate, robot).reason == "SERVO_VOLTAGE"
    robot.reboot_servo(NAMES[servo_id])
    robot.activate()


def test_row_25_power_cycle_is_noticed_and_never_undone_silently(bus, robot, vary):
    servo_id = vary.choice([*JOINT_IDS, 50])
    name = NAMES[servo_id]
    move_and_look(robot, vary.randrange(1, 5), vary.uniform(0.0, 6.0))
    bus.inject("brownout", servo_id=servo_id, silence_s=vary.uniform(0.0, 0.1))
    error = fault_of(robot, cycles=20)
    assert error.reason == "SERVO_REBOOTED"
    assert name in str(error)
    assert not torques(bus)[name]
    assert robot.deactivate() == ()
    before = robot.read().sequence
    assert robot.read().valid.all()
    assert robot.read().sequence > before
    assert not any(torques(bus).values())
    robot.activate()
    tend(robot, 3)


def test_row_25_a_brown_out_that_outlasts_the_patience_is_told_as_one_when_it_is_over(bus, vary):
    servo_id = vary.choice([*JOINT_IDS, 50])
    name = NAMES[servo_id]
    with running(bus.port) as robot:
        move_and_look(robot, vary.randrange(1, 5), vary.uniform(0.0, 6.0))
        bus.inject("brownout", servo_id=servo_id, silence_s=vary.uniform(1.0, 1.5))
        error = fault_of(robot)
        assert error.reason == "SERVO_SILENT", "nobody can know yet"
        assert robot.explanation() is None
        robot.deactivate()

        def explained() -> bool:
            with contextlib.suppress(HalError):
                robot.tend()
            return robot.explanation() is not None

        wait_until(explained)
        found = robot.explanation()
        assert found.reason == "SERVO_REBOOTED"
        assert f"{name} (servo {servo_id})" in str(found)
        assert "brown-out" in str(found)
        robot.activate()
        assert robot.explanation() is None


def test_row_25_a_servo_that_was_only_mute_is_explained_by_nothing(bus, vary):
    with running(bus.port) as robot:
        bus.inject("mute", servo_id=a_joint(vary))
        assert fault_of(robot).reason == "SERVO_SILENT"
        robot.deactivate()
        bus.clear()
        tend(robot, 5)
        assert robot.explanation() is None


def test_row_28_tripped_watchdog_is_seen_at_once_and_cleared_only_by_activation(bus, vary):
    watchdog_s = 0.02 * vary.randrange(10, 25)
    with running(bus.port, watchdog_s=watchdog_s, bus_period_s=0.02) as robot:
        time.sleep(watchdog_s + vary.uniform(0.1, 0.4))
        with pytest.raises(HalError) as caught:
            robot.tend()
        assert caught.value.reason == "WATCHDOG_TRIPPED"
        assert f"{watchdog_s}"[:4] in str(caught.value)
        goals = [bus.table(i)["goal_position"] for i in JOINT_IDS]
        robot.write(command(robot, 0.2))
        with pytest.raises(HalError) as caught:
            robot.tend()
        assert caught.value.reason == "WATCHDOG_TRIPPED", "latched"
        assert [bus.table(i)["goal_position"] for i in JOINT_IDS] == goals, "the servos ignore it"
        assert robot.deactivate() == ()
    with running(bus.port) as robot:
        robot.write(command(robot, 0.1))
        tend(robot, 3)
        assert bus.table(10)["bus_watchdog"] == 50


def test_row_40_reboot_counts_by_its_outcome(bus, vary):
    servo_id = a_joint(vary)
    name = NAMES[servo_id]
    with make_robot(bus.port) as robot:
        robot.configure()
        bus.inject(vary.choice(["overload", "overheat", "shock", "voltage"]), servo_id=servo_id)
        bus.inject("deaf_reboot", servo_id=servo_id)
        robot.reboot_servo(name)
        assert robot.read().valid.all()
        assert bus.table(servo_id)["hardware_error_status"] == 0
        with pytest.raises(CommandError, match="no servo moves 'elbow'"):
            robot.reboot_servo("elbow")
        robot.activate()
        with pytest.raises(LifecycleError):
            robot.reboot_servo(name)


def test_row_40_xl430_that_never_answers_a_reboot_is_back_all_the_same(take_bus, vary):
    bus, servo_id = take_bus(model=1060), a_joint(vary)
    with make_robot(bus.port) as robot:
        robot.configure()
        bus.inject("overload", servo_id=servo_id)
        bus.inject("deaf_reboot", servo_id=servo_id)
        robot.reboot_servo(NAMES[servo_id])
        assert bus.table(servo_id)["hardware_error_status"] == 0


def test_row_40_reboot_that_does_not_help_says_so(bus, vary):
    servo_id = a_joint(vary)
    with make_robot(bus.port) as robot:
        robot.configure()
        bus.inject("mute", servo_id=servo_id)
        assert refused(lambda: robot.reboot_servo(NAMES[servo_id]), robot).reason == "REBOOT_FAILED"


UNFIT = [
    pytest.param("temperature", "SERVO_OVERHEAT", id="row_22"),
    pytest.param("voltage_sag", "SERVO_VOLTAGE", id="row_23"),
    pytest.param("overload", "SERVO_OVERLOAD", id="row_21"),
    pytest.param("shock", "SERVO_SHOCK", id="row_24"),
    pytest.param("encoder", "SERVO_ENCODER", id="row_24_encoder"),
    pytest.param("overheat", "SERVO_OVERHEAT", id="row_22_latched"),
    pytest.param("voltage", "SERVO_VOLTAGE", id="row_23_latched"),
]


@pytest.mark.parametrize(("fault", "reason"), UNFIT)
def test_row_21_to_24_unfit_servo_gets_no_torque(bus, vary, fault, reason):
    servo_id = vary.choice([s.servo_id for s in servo_layout("dclaw").joints])
    values = {
        "temperature": {"temperature_c": float(vary.randrange(61, 69))},
        "voltage_sag": {"voltage_v": vary.uniform(7.0, 9.8)},
    }.get(fault, {})
    with make_robot(bus.port) as robot:
        robot.configure()
        bus.inject(fault, servo_id=servo_id, **values)
        if fault == "temperature":
            bus.wait_for(lambda _: bus.table(servo_id)["present_temperature"] > 60)
        robot.read()
        error = refused(robot.activate, robot)
        assert error.reason == reason
        assert f"{NAMES[servo_id]} (servo {servo_id})" in str(error)
        assert any(w.startswith(reason) for w in robot.health().warnings) or fault == "temperature"
    assert not any(torques(bus).values())
