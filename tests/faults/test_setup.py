"""How servos are set up, and how they get torque: rows 20, 26, 27, 29 to 32."""

import pytest

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.control_table import XM430_W350_TABLE as TABLE
from hal.dynamixel.errors import ServoStatusError
from hal.dynamixel.port import SerialPort
from hal.dynamixel.status import StatusErrorNumber
from hal.errors import RobotWriteError
from sim.servo_bus.oracle import Traffic
from tests.faults.fault_rig import NAMES, a_joint, move_and_look, refusal, refused
from tests.hal.dynamixel.servo_rig import (
    IDS,
    JOINT_IDS,
    command,
    fault_of,
    make_robot,
    running,
    tend,
    torques,
)

RAM = 64  # addresses below are EEPROM


def eeprom_writes(bus, since_ns: int) -> list:
    traffic = Traffic(r for r in bus.records() if r.stamp_ns >= since_ns)
    return [write for write in traffic.writes if write.address < RAM]


def test_row_20_return_delay_is_warned_of_and_set_only_when_asked(bus, vary):
    slow, delay = vary.sample(JOINT_IDS, vary.randrange(1, 4)), vary.randrange(50, 255)
    for servo_id in slow:
        bus.set_register(servo_id, "return_delay_time", delay)
    with make_robot(bus.port) as robot:
        robot.configure()
        (warning,) = robot.health().warnings
        assert all(NAMES[i] in warning for i in slow)
        assert f"{2 * delay} us" in warning
    assert {bus.table(i)["return_delay_time"] for i in slow} == {delay}
    with make_robot(bus.port, configure_servos=True) as robot:
        robot.configure()
        assert robot.health().warnings == ()
    assert {bus.table(i)["return_delay_time"] for i in IDS} == {0}


def test_row_26_torque_found_on_is_left_alone_and_reported(bus, vary):
    found_on = vary.sample(JOINT_IDS, vary.randrange(1, 10))
    for servo_id in found_on:
        bus.set_register(servo_id, "torque_enable", 1)
    goals = [bus.table(i)["goal_position"] for i in JOINT_IDS]
    since_ns = bus.state()["stamp_ns"]
    with make_robot(bus.port) as robot:
        robot.configure()
        tend(robot, vary.randrange(1, 6))
        warnings = [w for w in robot.health().warnings if w.startswith("TORQUE_FOUND_ON")]
        assert len(warnings) == len(found_on)
        assert all(any(NAMES[i] in w for w in warnings) for i in found_on)
        assert [bus.table(i)["goal_position"] for i in JOINT_IDS] == goals
        assert not Traffic(r for r in bus.records() if r.stamp_ns >= since_ns).goals
        before = robot.read().joint_position_rad
        robot.activate()
        assert abs(robot.read().joint_position_rad - before).max() < 0.01
        assert robot.deactivate() == ()
    assert not any(torques(bus).values())


def test_row_26_torque_found_on_is_taken_off_where_that_is_the_policy(bus, vary):
    for servo_id in vary.sample(JOINT_IDS, vary.randrange(1, 10)):
        bus.set_register(servo_id, "torque_enable", 1)
    with make_robot(bus.port, relax_on_connect=True) as robot:
        robot.configure()
        assert not any(torques(bus).values())


def test_row_27_goal_is_the_present_position_before_torque_comes_on(bus, vary):
    for servo_id in JOINT_IDS:
        bus.set_register(servo_id, "goal_position", vary.randrange(4096))
    for name in vary.sample([NAMES[i] for i in JOINT_IDS], 3):
        bus.set_joint(name, vary.uniform(-0.1, 0.1))
    with running(bus.port, soft_start_s=5.0) as robot:
        for servo_id in JOINT_IDS:
            table = bus.table(servo_id)
            assert table["torque_enable"] == 1
            assert abs(table["goal_position"] - table["present_position"]) <= 2
            assert table["bus_watchdog"] == 50
            assert 0 < table["profile_velocity"] < 30
        assert robot.health().watchdog_s == pytest.approx(1.0)
        assert not torques(bus)["valve"]
    goal_ns = {g.servo_id: g.stamp_ns for g in Traffic(bus.records()).goals}
    on_ns = {t.servo_id: t.stamp_ns for t in Traffic(bus.records()).torques if t.on}
    assert all(goal_ns[i] < on_ns[i] for i in JOINT_IDS)


def test_row_27_soft_start_ends(bus, vary):
    with running(bus.port, soft_start_s=vary.uniform(0.02, 0.3)) as robot:
        tend(robot, 25)
        assert {bus.table(i)["profile_velocity"] for i in JOINT_IDS} == {0}


def test_row_27_joint_outside_its_travel_gets_no_torque(bus, vary):
    bus.set_register(32, "max_position_limit", vary.randrange(3080, 3120))
    bus.set_joint("THJ32", vary.uniform(1.8, 1.95))  # the last link sinks slowly
    with make_robot(bus.port) as robot:
        robot.configure()
        error = refused(robot.activate, robot)
    assert error.reason == "POSITION_OUTSIDE_TRAVEL"
    assert "THJ32" in str(error)
    assert not any(torques(bus).values())


@pytest.mark.parametrize(
    "case", ["29_homing_offset", "31_above", "31_below", "32_mode", "27_drive"]
)
def test_row_29_31_32_27_unsafe_setting_is_refused(bus, vary, case):
    register, value, reason = {
        "29_homing_offset": (
            "homing_offset",
            vary.choice([-1, 1]) * vary.randrange(1, 1024),
            "HOMING_OFFSET_SET",
        ),
        "31_above": ("max_position_limit", vary.randrange(2100, 2600), "SERVO_LIMITS_TOO_TIGHT"),
        "31_below": ("min_position_limit", vary.randrange(1700, 2000), "SERVO_LIMITS_TOO_TIGHT"),
        "32_mode": ("operating_mode", vary.choice([0, 1, 4, 5, 16]), "OPERATING_MODE"),
        "27_drive": vary.choice(
            [
                ("drive_mode", vary.choice([1, 4, 8]), "DRIVE_MODE"),
                ("secondary_id", vary.randrange(1, 250), "SECONDARY_ID"),
                ("startup_configuration", vary.choice([1, 3]), "STARTUP_TORQUE"),
            ]
        ),
    }[case]
    bus.set_register(22, register, value)
    error = refusal(make_robot(bus.port))
    assert error.reason == reason
    assert "MFJ22 (servo 22)" in str(error)
    assert str(value) in str(error)
    assert not any(torques(bus).values())


def test_row_30_nothing_is_configured_under_torque(bus, vary):
    holding = a_joint(vary)
    delay = vary.randrange(1, 255)
    bus.set_register(holding, "return_delay_time", delay)
    bus.set_register(holding, "torque_enable", 1)
    since_ns = bus.state()["stamp_ns"]
    with make_robot(bus.port, configure_servos=True) as robot:
        robot.configure()
        assert bus.table(holding)["return_delay_time"] == delay
        assert holding not in {write.servo_id for write in eeprom_writes(bus, since_ns)}


def test_row_30_a_robot_in_motion_writes_no_eeprom(bus, vary):
    since_ns = bus.state()["stamp_ns"]
    with running(bus.port) as robot:
        move_and_look(robot, 5, vary.uniform(0.0, 6.0))
        robot.deactivate()
        robot.activate()
    assert eeprom_writes(bus, since_ns) == []


def test_row_30_refused_eeprom_write_is_raised(bus, vary):
    servo_id = a_joint(vary)
    bus.set_register(servo_id, "torque_enable", 1)
    servo_bus = ServoBus(SerialPort(bus.port))
    try:
        register = TABLE[vary.choice(("return_delay_time", "id", "operating_mode", "drive_mode"))]
        with pytest.raises(ServoStatusError) as caught:
            servo_bus.write(servo_id, register, 5)
    finally:
        servo_bus.close()
    assert caught.value.number == StatusErrorNumber.ACCESS
    assert str(servo_id) in str(caught.value)


def test_row_31_goal_that_a_servo_refuses_is_a_fault(bus, robot, vary):
    servo_id = vary.choice((10, 20, 30))
    move_and_look(robot, vary.randrange(1, 4))
    present = bus.table(servo_id)["present_position"]
    bus.set_register(servo_id, "max_position_limit", present + 60)
    robot.write(command(robot, vary.uniform(0.2, 0.35)))
    error = fault_of(robot, cycles=10)
    assert isinstance(error, RobotWriteError)
    assert error.reason == "GOAL_REJECTED"
    assert f"{NAMES[servo_id]} (servo {servo_id})" in str(error)


def test_row_32_a_restart_costs_no_turns(bus, vary):
    """In position mode a servo counts within one turn, before and after it was restarted."""
    with make_robot(bus.port) as robot:
        robot.configure()
        before = robot.read().joint_position_rad
        bus.inject("brownout", servo_id=a_joint(vary), silence_s=vary.uniform(0.0, 0.05))
        tend(robot, 10)
        state = robot.read()
        assert state.valid.all()
        assert abs(state.joint_position_rad - before).max() < 0.05
        assert {bus.table(i)["operating_mode"] for i in JOINT_IDS} == {3}
