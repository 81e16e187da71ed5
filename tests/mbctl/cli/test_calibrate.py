"""mbctl calibrate: measures, writes only what it is asked to, asks before it does."""

import json
from math import degrees
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hal.dynamixel.calibration import default_calibration, load_calibration
from mbctl import exit_codes
from mbctl.cli import calibrate
from mbctl.cli.app import app
from sim.servo_bus.client import RunningBus
from sim.servo_bus.oracle import Traffic

WIDE = ("--max-change", "90")  # the virtual claw lies as it fell


def mbctl(running: RunningBus, *arguments: str, answer: str = ""):
    command = ["calibrate", "--port", running.port, *arguments]
    return CliRunner().invoke(app, command, input=answer)


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch):
    """Somebody can be asked."""
    monkeypatch.setattr(calibrate, "require_terminal", lambda what: None)


def test_a_measurement_writes_a_file_that_says_the_same(running: RunningBus, tmp_path: Path):
    path = tmp_path / "claw.json"
    before = len(running.records())
    run = mbctl(running, "--out", str(path), *WIDE, "--yes", "--json")
    assert run.exit_code == exit_codes.OK, run.output
    plain = json.loads(run.stdout.splitlines()[-1])
    written = load_calibration(path)
    assert plain["written"] == str(path)
    assert plain["calibration"] == written.version
    for joint, usual, told in zip(
        written.joints, default_calibration("dclaw").joints, plain["joints"], strict=True
    ):
        change_deg = degrees(joint.offset_rad - usual.offset_rad)
        assert change_deg == pytest.approx(told["change_deg"], abs=1e-6)
    assert not Traffic(running.records()[before:]).writes
    again = mbctl(running, "--calibration", str(path), "--yes")
    assert again.exit_code == exit_codes.OK
    assert "degrees at most, from" in again.stdout


def test_a_large_change_is_refused_and_nothing_written(running: RunningBus, tmp_path: Path):
    path = tmp_path / "claw.json"
    run = mbctl(running, "--out", str(path), "--max-change", "1", "--yes")
    assert run.exit_code == exit_codes.FAULT
    assert "check the pose" in run.stdout
    assert not path.exists()


def test_where_nobody_can_be_asked_it_needs_yes(running: RunningBus):
    for arguments in ([], ["--torque-off"], ["--write-limits"]):
        run = mbctl(running, *arguments)
        assert run.exit_code == exit_codes.USAGE, arguments
        assert "--yes" in run.stderr


def test_a_person_may_measure_again(running: RunningBus, tmp_path: Path, at_terminal):
    path = tmp_path / "claw.json"
    run = mbctl(running, "--out", str(path), *WIDE, answer="n\ny\n")
    assert run.exit_code == exit_codes.OK, run.output
    assert "straight line" in run.stderr
    assert run.stderr.count("FFJ10") == 2
    assert path.exists()


def test_a_no_writes_nothing(running: RunningBus, at_terminal):
    before = running.table(11)
    run = mbctl(running, "--write-limits", answer="n\n")
    assert run.exit_code == exit_codes.USAGE
    after = running.table(11)
    assert after["max_position_limit"] == before["max_position_limit"] == 4095


def test_limits_are_written_and_then_as_they_should_be(running: RunningBus):
    run = mbctl(running, "--write-limits", "--yes")
    assert run.exit_code == exit_codes.OK, run.output
    assert "registers written and read back" in run.stdout
    table = running.table(11)
    assert (table["min_position_limit"], table["max_position_limit"]) == (744, 3352)
    again = mbctl(running, "--write-limits", "--yes", "--json")
    assert json.loads(again.stdout.splitlines()[-1])["limits"] == []


def test_settings_are_put_right(running: RunningBus):
    running.set_register(21, "return_delay_time", 250)
    run = mbctl(running, "--configure", "--yes", "--json")
    assert run.exit_code == exit_codes.OK, run.output
    (change,) = json.loads(run.stdout.splitlines()[-1])["settings"]
    assert (change["servo_id"], change["register"]) == (21, "return_delay_time")
    assert running.table(21)["return_delay_time"] == 0


def test_torque_keeps_from_measuring_until_it_is_taken_off(running: RunningBus):
    running.set_register(21, "torque_enable", 1)
    run = mbctl(running, "--yes", "--json")
    assert run.exit_code == exit_codes.FAULT
    assert json.loads(run.stdout.splitlines()[-1])["error"]["reason"] == "TORQUE_ON"
    run = mbctl(running, "--torque-off", "--yes")
    assert run.exit_code == exit_codes.OK
    assert "torque is off everywhere" in run.stdout
    assert running.table(21)["torque_enable"] == 0


def test_torque_off_that_is_not_confirmed_is_a_failure(running: RunningBus):
    running.inject("mute", id=31)
    try:
        run = mbctl(running, "--torque-off", "--yes", "--json")
    finally:
        running.clear()
    assert run.exit_code == exit_codes.FAULT
    assert json.loads(run.stdout.splitlines()[-1])["torque_off_unconfirmed"] == [31]


def test_a_wrong_pose_file_is_a_usage_error(running: RunningBus, tmp_path: Path):
    pose = tmp_path / "jig.json"
    pose.write_text('{"FFJ99": 0}')
    run = mbctl(running, "--pose", str(pose), "--yes", "--json")
    assert run.exit_code == exit_codes.USAGE
    reason = json.loads(run.stdout.splitlines()[-1])["error"]["reason"]
    assert reason == "REFERENCE_POSE_INVALID"
