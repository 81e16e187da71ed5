"""Who is on the bus, on which port, and how fast: rows 9 to 14 and 19."""

import errno
import os

import numpy as np
import pytest
import serial

from hal.dynamixel.bus import ServoBus
from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.census import BusCensusError, take_census
from hal.dynamixel.connection import BusCapacityError, check_latency_timer
from hal.dynamixel.port import SerialPort
from hal.dynamixel.settings import BusSettings
from services.bring_up.scan import SCAN_BAUD_RATES, scan
from sim.servo_bus.oracle import Traffic
from tests.faults.fault_rig import NAMES, a_joint, refusal
from tests.hal.dynamixel.servo_rig import (
    IDS,
    JOINT_IDS,
    command,
    make_robot,
    running,
    tend,
    torques,
)

OTHER_BAUDS = tuple(baud for baud in SCAN_BAUD_RATES if baud != 1_000_000)


def test_row_09_duplicate_id_is_refused_without_torque(bus, vary):
    servo_id = vary.choice([*JOINT_IDS, 50])
    bus.inject("duplicate_id", servo_id=servo_id)
    error = refusal(make_robot(bus.port))
    assert error.reason == "DUPLICATE_ID"
    assert str(servo_id) in str(error)
    assert not any(torques(bus).values())


def test_row_10_missing_servos_are_named_with_what_was_found(bus, vary):
    gone = sorted(vary.sample([*JOINT_IDS, 50], vary.randrange(1, 5)))
    for servo_id in gone:
        bus.inject("mute", servo_id=servo_id)
    error = refusal(make_robot(bus.port))
    assert error.reason == "MISSING_SERVO"
    for servo_id in gone:
        assert f"{NAMES[servo_id]} (id {servo_id})" in str(error)
    for servo_id in set(IDS) - set(gone):
        assert f"{servo_id} (model 1020)" in str(error)
    assert "1000000 baud" in str(error)
    assert not any(torques(bus).values())


def test_row_10_optional_guide_may_be_absent(bus):
    bus.inject("mute", servo_id=60)
    with make_robot(bus.port) as robot:
        robot.configure()
        assert robot.health().warnings == ()


def test_row_11_wrong_baud_finds_nobody_and_says_which_baud(bus, vary):
    baud = vary.choice(OTHER_BAUDS)
    error = refusal(make_robot(bus.port, baud_rate=baud))
    assert error.reason == "MISSING_SERVO"
    assert f"{baud} baud" in str(error)
    assert "nobody" in str(error)


def test_row_10_another_robot_on_the_bus_is_said_to_be_one(bus):
    settings = BusSettings(scan_s=0.3)
    servo_bus = ServoBus(SerialPort(bus.port), turnaround_s=0.05)
    try:
        with pytest.raises(BusCensusError, match="these ids are a dclaw's") as caught:
            take_census(servo_bus, default_calibration("dkitty"), settings)
    finally:
        servo_bus.close()
    assert caught.value.reason == "MISSING_SERVO"
    assert "id 42" in str(caught.value)


def test_row_11_scan_reports_the_baud_and_writes_nothing(bus, vary):
    since_ns = bus.state()["stamp_ns"]
    found = scan(bus.port, (vary.choice(OTHER_BAUDS), 1_000_000))
    assert {(s.baud_rate, s.servo_id) for s in found} == {(1_000_000, i) for i in IDS}
    assert not Traffic(r for r in bus.records() if r.stamp_ns >= since_ns).writes


def test_row_12_firmware_without_watchdog_is_refused_unless_allowed(take_bus, vary):
    old = take_bus(firmware=vary.choice([30, 37]))
    error = refusal(make_robot(old.port))
    assert error.reason == "FIRMWARE_TOO_OLD"
    assert "FFJ10 (servo 10)" in str(error)
    with running(old.port, allow_no_watchdog=True) as robot:
        assert robot.health().watchdog_s is None
        assert any(w.startswith("NO_WATCHDOG") for w in robot.health().warnings)
        tend(robot, 3)


def test_row_12_unknown_model_is_refused(bus, vary):
    servo_id, model = a_joint(vary), vary.choice([12, 310, 1190, 65535])
    bus.set_register(servo_id, "model_number", model)
    error = refusal(make_robot(bus.port))
    assert error.reason == "WRONG_SERVO_MODEL"
    assert f"{NAMES[servo_id]} (servo {servo_id})" in str(error)
    assert str(model) in str(error)


def test_row_12_other_model_of_the_table_works(take_bus, vary):
    with running(take_bus(model=1060).port) as robot:
        state = robot.read()
        assert state.valid.all()
        assert np.isnan(state.joint_current_ma).all()  # measures load, not current
        robot.write(command(robot, vary.uniform(-0.2, 0.2)))
        tend(robot, 5)


def test_row_13_missing_port_is_named(tmp_path, vary):
    name = f"ttyUSB{vary.randrange(100)}"
    error = refusal(make_robot(str(tmp_path / name)))
    assert error.reason == "PORT_MISSING"
    assert name in str(error)


def test_row_13_forbidden_port_says_what_to_do(monkeypatch, vary):
    number = vary.choice([errno.EACCES, errno.EPERM])

    def forbidden(*arguments: object, **keywords: object) -> None:
        raise serial.SerialException(number, os.strerror(number))

    monkeypatch.setattr(serial, "Serial", forbidden)
    error = refusal(make_robot(f"/dev/ttyUSB{vary.randrange(100)}"))
    assert error.reason == "PORT_PERMISSION"
    assert "dialout" in str(error)


def test_row_14_second_owner_is_refused_and_the_first_undisturbed(bus, vary):
    with make_robot(bus.port) as robot:
        robot.configure()
        tend(robot, vary.randrange(1, 6))
        error = refusal(make_robot(bus.port))
        assert error.reason == "PORT_BUSY"
        assert f"pid {os.getpid()}" in str(error)
        assert robot.read().valid.all()


def test_row_19_rates_above_the_measured_capacity_are_refused(take_bus, vary):
    slow = take_bus(latency_ms=16)
    period_s = vary.uniform(0.005, 0.016)
    error = refusal(make_robot(slow.port, bus_period_s=period_s))
    assert error.reason == "RATE_TOO_HIGH"
    assert f"{1000 * period_s:.1f} ms" in str(error)


def test_row_19_slow_adaptor_is_refused_with_the_command_that_cures_it(vary):
    timer_ms = vary.randrange(2, 256)

    class Adaptor:
        path = "/dev/serial/by-id/u2d2"
        low_latency = False

        def latency_timer_ms(self) -> int:
            return timer_ms

    settings = make_robot(Adaptor.path)._settings
    with pytest.raises(BusCapacityError, match=rf"{timer_ms} ms.*echo 1 \| sudo tee") as caught:
        check_latency_timer(Adaptor(), settings)
    assert caught.value.reason == "LATENCY_TIMER"
