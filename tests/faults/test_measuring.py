"""Measurements and answers that look right and are not: rows 33 to 39."""

import numpy as np
import pytest

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.control_table import XM430_W350_TABLE as TABLE
from hal.dynamixel.errors import BadStatusError, BusTimeoutError, ServoStatusError
from hal.dynamixel.packet import HEADER
from hal.dynamixel.port import SerialPort
from sim.servo_bus.records import RecordKind
from tests.faults.fault_rig import NAMES, a_joint, move_and_look
from tests.hal.dynamixel.servo_rig import JOINT_IDS, fault_of, running, tend, wait_until

# Four bytes each, harmless while torque is off, and told apart by what is put into them.
ALIKE = ("profile_acceleration", "profile_velocity", "goal_velocity", "goal_position")


@pytest.fixture
def opened(bus):
    servo_bus = ServoBus(SerialPort(bus.port), turnaround_s=0.01)
    yield servo_bus
    servo_bus.close()


def test_row_33_single_glitch_is_rejected(bus, robot, vary):
    servo_id = a_joint(vary)
    joint = JOINT_IDS.index(servo_id)
    tend(robot, vary.randrange(1, 6))
    before = robot.read().joint_position_rad[joint]
    fault = vary.choice(["glitch", "encoder_jump"])
    ticks = {"ticks": vary.choice([-1, 1]) * vary.randrange(1200, 4096)}
    bus.inject(fault, servo_id=servo_id, count=1, **(ticks if fault == "encoder_jump" else {}))
    state = robot.read()
    assert state.valid.tolist() == [i != servo_id for i in JOINT_IDS]
    assert state.joint_position_rad[joint] == pytest.approx(before, abs=0.01)
    assert robot.health().counters["positions_rejected"] == 1
    assert robot.read().valid.all()


def test_row_33_three_impossible_positions_in_a_row_are_a_fault(bus, robot, vary):
    servo_id = a_joint(vary)
    tend(robot, vary.randrange(1, 6))
    bus.inject(
        "encoder_jump", servo_id=servo_id, ticks=vary.choice([-1, 1]) * vary.randrange(1800, 4096)
    )
    error = fault_of(robot, cycles=4)
    assert error.reason == "SENSOR_JUMP"
    assert f"{NAMES[servo_id]} (servo {servo_id})" in str(error)
    assert robot.health().counters["positions_rejected"] == 3


def test_row_33_a_joint_that_is_pushed_is_told_as_that(bus, vary):
    servo_id = vary.choice((11, 21, 31))
    with running(bus.port, bus_period_s=0.02, comm_fault_s=1.0) as robot:
        tend(robot, 20)
        over_ns = bus.state()["stamp_ns"] + 400_000_000
        bus.disturb(NAMES[servo_id], vary.uniform(15.0, 25.0), 0.3)
        error = fault_of(robot, cycles=40)
        assert error.reason == "JOINT_PUSHED"
        assert f"{NAMES[servo_id]} (servo {servo_id})" in str(error)
        assert "rad/s" in str(error)
        assert "encoder" not in str(error)
    wait_until(lambda: bus.state()["stamp_ns"] > over_ns)
    bus.set_joint(NAMES[servo_id], 0.0)


def test_row_34_velocity_spike_reaches_nobody(bus, robot, vary):
    servo_id, count = a_joint(vary), vary.randrange(1, 6)
    tend(robot, vary.randrange(1, 6))
    ticks = vary.choice([-1, 1]) * vary.randrange(500, 100_000)
    bus.inject("velocity_spike", servo_id=servo_id, count=count, ticks=ticks)
    for _ in range(count):
        state = robot.read()
        assert state.valid.all()
        assert np.abs(state.joint_velocity_rad_s).max() < 0.5
    assert 0 < robot.health().counters["velocity_spikes"] <= count
    assert np.abs(robot.read().joint_velocity_rad_s).max() < 0.5


def test_row_35_late_answers_never_pass_for_others(bus, opened, vary):
    servo_id = a_joint(vary)
    held = {name: vary.randrange(1, 2**31) for name in ALIKE}
    for name, value in held.items():
        bus.set_register(servo_id, name, value)
    bus.inject("late", delay_s=vary.uniform(0.02, 0.08), probability=vary.uniform(0.1, 0.3))
    for _ in range(60):
        name = vary.choice(ALIKE)
        assert _read(opened, servo_id, name) in (None, held[name]), name
    assert opened.counters.late_packets > 0
    bus.clear()
    for name in ALIKE:
        wait_until(lambda name=name: _read(opened, servo_id, name) == held[name])


def _read(opened, servo_id: int, name: str) -> int | None:
    """None where no answer came, or a late one of another length."""
    try:
        return opened.read(servo_id, TABLE[name])
    except (BusTimeoutError, BadStatusError):
        return None


def test_row_35_a_robot_goes_on_through_late_answers(bus, vary):
    with running(bus.port, comm_fault_s=3.0, fast_reads=vary.random() < 0.5) as robot:
        delay_s = vary.uniform(0.02, 0.06)
        bus.inject("late", delay_s=delay_s, probability=vary.uniform(0.03, 0.1))
        move_and_look(robot, 15, vary.uniform(0.0, 6.0))
        bus.clear()
        tend(robot, 5)
        assert robot.read().valid.all()


def test_row_36_own_echo_is_recognised(bus, vary):
    bus.inject("echo")
    with running(bus.port, fast_reads=vary.random() < 0.5) as robot:
        move_and_look(robot, 10, vary.uniform(0.0, 6.0))
        counters = robot.health().counters
        assert counters["echoes"] > 0
        assert counters["foreign_packets"] == 0


def test_row_37_values_that_look_like_headers_are_read_exactly(bus, opened, vary):
    """Twelve bytes as they are in headers, from two servos in one packet and alone."""
    ids = vary.sample(JOINT_IDS, 2)
    written = {}
    for servo_id in ids:
        pattern = bytes(vary.choice(b"\xff\xff\xff\xfd\xfd\x00") for _ in range(7))
        data = (HEADER[:3] + pattern + HEADER[:3])[:12].ljust(12, b"\xfd")
        written[servo_id] = data
        for index, name in enumerate(("profile_acceleration", "profile_velocity", "goal_position")):
            part = data[4 * index : 4 * index + 4]
            bus.set_register(servo_id, name, TABLE[name].decode(part))
    since_ns = bus.state()["stamp_ns"]
    for servo_id, data in written.items():
        assert opened.read_block(servo_id, 108, 12) == data
    for fast in (False, True):
        assert opened.sync_read(ids, 108, 12, fast=fast, timeout_s=0.2).data == written
    sent = b"".join(r.data for r in bus.records() if r.stamp_ns > since_ns and _is_answer(r))
    assert b"\xff\xff\xfd\xfd" in sent, "it was stuffed"


def _is_answer(record) -> bool:
    return record.kind is RecordKind.TO_HOST


@pytest.mark.parametrize("fault", ["error_status", "wrong_length"])
def test_row_38_answers_of_the_wrong_shape_are_missing_answers(bus, vary, fault):
    value = _wrong(vary, fault)
    with running(bus.port, fast_reads=False, comm_fault_s=3.0) as robot:
        bus.inject(fault, servo_id=a_joint(vary), count=vary.randrange(1, 6), **value)
        move_and_look(robot, 8, vary.uniform(0.0, 6.0))
        assert robot.health().counters["retries"] > 0
        assert robot.read().valid.all()


@pytest.mark.parametrize("fault", ["error_status", "wrong_length"])
def test_row_38_answers_of_the_wrong_shape_are_typed_errors(bus, opened, vary, fault):
    servo_id, value = a_joint(vary), _wrong(vary, fault)
    register = TABLE[vary.choice(("present_position", "present_temperature", "model_number"))]
    bus.inject(fault, servo_id=servo_id, count=1, **value)
    with pytest.raises((ServoStatusError, BadStatusError)) as caught:
        opened.read(servo_id, register)
    if fault == "error_status":
        assert isinstance(caught.value, ServoStatusError)
        assert caught.value.number == value["number"]
    assert opened.read(servo_id, TABLE["model_number"]) == 1020


def _wrong(vary, fault: str) -> dict[str, int]:
    if fault == "error_status":
        return {"number": vary.randrange(1, 8)}
    return {"bytes": vary.choice([-64, -4, -1, 1, 2, 30])}


def test_row_39_alert_comes_with_data_that_is_used_and_its_cause(bus, robot, vary):
    servo_id = a_joint(vary)
    bus.inject("voltage", servo_id=servo_id)
    state = robot.read()
    assert state.valid.all()
    assert any(
        w.startswith("SERVO_VOLTAGE") and NAMES[servo_id] in w for w in robot.health().warnings
    )
    assert {j.servo_id: j.hardware_error for j in robot.health().joints}[servo_id] == 1
    move_and_look(robot, 5, vary.uniform(0.0, 6.0))


def test_row_39_error_that_the_servo_itself_lets_pass_is_a_fault(bus, vary):
    servo_id = a_joint(vary)
    bus.set_register(servo_id, "shutdown", 0)
    with running(bus.port) as robot:
        assert any(w.startswith("SHUTDOWN_MASK") for w in robot.health().warnings)
        fault, reason = vary.choice(
            [("overload", "SERVO_OVERLOAD"), ("overheat", "SERVO_OVERHEAT")]
        )
        bus.inject(fault, servo_id=servo_id)
        assert bus.table(servo_id)["torque_enable"] == 1
        assert fault_of(robot, cycles=1).reason == reason
