"""mbctl doctor and mbctl scan: what is printed, for people and for programs, and exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mbctl import exit_codes
from mbctl.cli.app import app
from mbctl.cli.bring_up import finding_text
from services.bring_up import bus_rate, host
from services.bring_up import scan as scanner
from services.bring_up.finding import ok, warn
from sim.servo_bus.client import RunningBus


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(host, "WAKE_UPS", 5)
    monkeypatch.setattr(bus_rate, "CYCLES", 5)
    monkeypatch.setattr(scanner, "SCAN_BAUD_RATES", (1_000_000,))


def mbctl(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_a_line_for_each_finding_and_what_to_type_below_it():
    assert finding_text(ok("port", "is there")) == "ok    port             is there"
    warned = finding_text(warn("return delay", "500 us", "mbctl calibrate --configure"))
    first, second = warned.splitlines()
    assert first == "warn  return delay     500 us"
    assert second.strip() == "-> mbctl calibrate --configure"


def test_a_fit_robot_is_exit_code_0(running: RunningBus):
    run = mbctl("doctor", "--port", running.port)
    assert run.exit_code == exit_codes.OK, run.output
    assert "all 11 of the dclaw's servos answer" in run.stdout
    assert run.stdout.splitlines()[-1] == "fit to move"


def test_an_unfit_robot_is_exit_code_4_and_json_says_why(running: RunningBus):
    running.set_register(11, "homing_offset", 40)
    try:
        run = mbctl("doctor", "--port", running.port, "--json")
    finally:
        running.set_register(11, "homing_offset", 0)
    assert run.exit_code == exit_codes.FAULT, run.output
    report = json.loads(run.stdout.splitlines()[-1])
    assert report["fit"] is False
    found = next(f for f in report["findings"] if f["subject"] == "homing offset")
    assert found["level"] == "fail"
    assert found["remedy"].startswith("mbctl calibrate ")


def test_the_configuration_of_a_controller_is_enough(running: RunningBus, tmp_path: Path):
    config = tmp_path / "controller.toml"
    config.write_text(
        'run_dir = "runs/x"\n[task]\nname = "dclaw-turn-random"\n'
        f'[robot]\nbackend = "dynamixel"\nport = "{running.port}"\n'
    )
    run = mbctl("doctor", "--config", str(config), "--json")
    assert run.exit_code == exit_codes.OK, run.output
    assert json.loads(run.stdout.splitlines()[-1])["port"] == running.port


def test_the_port_may_come_from_the_environment(running: RunningBus):
    run = CliRunner().invoke(app, ["scan", "--json"], env={"MBCTL_PORT": running.port})
    assert run.exit_code == exit_codes.OK, run.output
    servos = json.loads(run.stdout.splitlines()[-1])["servos"]
    assert [s["id"] for s in servos] == [10, 11, 12, 20, 21, 22, 30, 31, 32, 50, 60]
    assert servos[0] == {
        "id": 10,
        "baud_rate": 1_000_000,
        "model_number": 1020,
        "model": "XM430-W350",
        "firmware": 45,
        "joint": "FFJ10",
    }


def test_a_table_for_another_robot_says_whose_ids_they_are(running: RunningBus):
    run = mbctl("scan", "--robot", "dkitty", "--port", running.port)
    assert run.stdout.splitlines()[-1] == "these ids are a dclaw's: mbctl scan --robot dclaw"


def test_people_see_a_table_of_servos(running: RunningBus):
    run = mbctl("scan", "--port", running.port)
    head, first, *_ = run.stdout.splitlines()
    assert head.split()[:2] == ["id", "baud"]
    assert first.split() == ["10", "1000000", "1020", "XM430-W350", "45", "FFJ10"]


def test_nobody_there_is_exit_code_5(running: RunningBus):
    run = mbctl("scan", "--port", running.port, "--baud", "57600")
    assert run.exit_code == exit_codes.UNREACHABLE
    assert "supply" in run.stdout


def test_all_registers_of_one_servo(running: RunningBus):
    run = mbctl("scan", "--port", running.port, "--table", "31")
    assert run.exit_code == exit_codes.OK, run.output
    assert "servo 31, XM430-W350, at 1000000 baud" in run.stdout
    row = next(line for line in run.stdout.splitlines() if "present_position" in line)
    assert row.split()[:4] == ["132", "4", "R", "present_position"]
    plain = mbctl("scan", "--port", running.port, "--table", "31", "--json")
    assert json.loads(plain.stdout.splitlines()[-1])["registers"]["id"] == 31


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["scan", "--port", "/dev/ttyUSB99"], exit_codes.UNREACHABLE, "PORT_MISSING"),
        (["scan", "--port", "/dev/null"], exit_codes.UNREACHABLE, "PORT_UNUSABLE"),
        (["doctor", "--robot", "dclow"], exit_codes.USAGE, "UNKNOWN_ROBOT"),
        (["doctor", "--calibration", "/none.json"], exit_codes.USAGE, "CALIBRATION_MISSING"),
        (["doctor", "--config", "/none.toml"], exit_codes.USAGE, "CONFIG_INVALID"),
    ],
)
def test_what_goes_wrong_has_a_code_and_a_reason(arguments: list[str], code: int, reason: str):
    run = mbctl(*arguments, "--json")
    assert run.exit_code == code, run.output
    assert json.loads(run.stdout.splitlines()[-1])["error"]["reason"] == reason
