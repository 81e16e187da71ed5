"""A whole examination: what an operator sees of a bus with something wrong."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.packet import Instruction
from hal.dynamixel.port import SerialPort
from services.bring_up import bus_rate, doctor, host
from services.bring_up.doctor import Report, examine
from services.bring_up.finding import Finding, Level
from services.bring_up.target import Target
from sim.servo_bus.client import RunningBus, start_virtual_bus
from sim.servo_bus.oracle import Traffic

READING = {Instruction.PING, Instruction.READ, Instruction.SYNC_READ}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    """Machine and rate have their own tests."""
    monkeypatch.setattr(host, "WAKE_UPS", 5)
    monkeypatch.setattr(bus_rate, "CYCLES", 5)


def examined(target: Target) -> Report:
    return examine(target, lambda text: None)


def failures(report: Report) -> dict[str, Finding]:
    return {f.subject: f for f in report.findings if f.level is Level.FAIL}


def test_a_robot_in_order_is_fit_and_nothing_was_written(running: RunningBus, target: Target):
    before = len(running.records())
    report = examined(target)
    assert report.is_fit, failures(report)
    assert report.summary()[-1] == "fit to move"
    assert len(report.servos) == 11
    traffic = Traffic(running.records()[before:])
    assert {sent.packet.instruction for sent in traffic.sent} == READING
    assert not traffic.writes
    plain = json.loads(json.dumps(report.plain()))
    assert plain["fit"] is True
    assert plain["robot"] == "dclaw"
    assert [s["id"] for s in plain["servos"]] == [s.servo_id for s in target.servos]
    assert plain["servos"][0]["joint"] == "FFJ10"
    assert {f["level"] for f in plain["findings"]} <= {"ok", "warn", "fail"}
    assert all(f["remedy"] for f in plain["findings"] if f["level"] != "ok")


def test_several_troubles_are_all_told(target: Target, fault, register):
    fault("mute", id=21)
    register(11, "homing_offset", 50)
    report = examined(target)
    assert set(failures(report)) >= {"servos", "homing offset"}
    assert len(report.servos) == 10
    assert report.summary()[-1].startswith("not fit to move; begin with: ")


def test_another_robot_on_the_port_is_said_to_be_one_and_not_judged(target: Target):
    kitty = Target(default_calibration("dkitty"), port=target.port)
    report = examined(kitty)
    assert list(failures(report)) == ["robot"]
    found = failures(report)["robot"]
    assert "these ids are a dclaw's, not a dkitty's" in found.message
    assert f"mbctl doctor --robot dclaw --port {target.port}" in found.remedy
    assert report.servos == ()


def test_a_servo_that_answers_pings_only_is_named(target: Target, register):
    register(12, "status_return_level", 0)
    found = failures(examined(target))["replies"]
    assert "servo 12 (FFJ12)" in found.message


def test_two_servos_of_one_id_are_one_finding(target: Target, fault):
    fault("duplicate_id", id=21)
    report = examined(target)
    assert list(failures(report)) == ["servo ids"]


def test_a_port_in_use_is_said_to_be(target: Target):
    port = SerialPort(target.port)
    try:
        found = failures(examined(target))
    finally:
        port.close()
    assert "is used by another process" in found["port"].message
    assert "fuser" in found["port"].remedy


@pytest.mark.parametrize("port", ["/dev/null", "/dev/ttyUSB99"])
def test_what_cannot_be_a_bus_is_no_crash(target: Target, port: str):
    report = examined(replace(target, port=port))
    assert list(failures(report)) == ["port"]
    assert not report.servos


def test_another_baud_rate_is_found_by_itself(target: Target, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "SCAN_BAUD_RATES", (57_600, 1_000_000))
    with start_virtual_bus("dclaw", baud=57_600) as slow:
        found = failures(examined(replace(target, port=slow.port)))
    assert "at 57600: servos 10, 11, 12" in found["baud rate"].message
    assert "--baud 57600" in found["baud rate"].remedy


def test_a_calibration_is_named_or_advised(target: Target, tmp_path: Path):
    none = replace(target, port="/dev/null")
    advised = next(f for f in examined(none).findings if f.subject == "calibration")
    assert advised.level is Level.WARN
    given = replace(none, calibration_path=tmp_path / "claw.json")
    named = next(f for f in examined(given).findings if f.subject == "calibration")
    assert named.level is Level.OK
    assert "claw.json" in named.message
