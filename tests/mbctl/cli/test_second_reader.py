"""Another program reads the same port: it is named, and nothing else is blamed."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from mbctl import exit_codes
from mbctl.cli.app import app
from services.bring_up import bus_rate, host
from services.bring_up import scan as scanner
from sim.servo_bus.client import RunningBus, start_virtual_bus

THIEF = (
    "import os, sys, time\n"
    "port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)\n"
    "print(flush=True)\n"
    "while True:\n"
    "    try: os.read(port, 64)\n"
    "    except BlockingIOError: time.sleep(0.0005)\n"
)
BLAME = ("unplugged", "plugged in", "supply", "was lost", "one id, twice", "Errno")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(host, "WAKE_UPS", 5)
    monkeypatch.setattr(bus_rate, "CYCLES", 5)
    monkeypatch.setattr(scanner, "SCAN_BAUD_RATES", (1_000_000,))


@pytest.fixture(scope="module")
def own_bus() -> Iterator[RunningBus]:
    with start_virtual_bus("dclaw", record=None) as bus:
        yield bus


@pytest.fixture
def thief(own_bus: RunningBus) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-P", "-c", THIEF, own_bus.port]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        yield process
        process.kill()


def mbctl(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_doctor_names_it_and_nothing_else(own_bus: RunningBus, thief: subprocess.Popen):
    run = mbctl("doctor", "--port", own_bus.port, "--json")
    assert run.exit_code == exit_codes.FAULT, run.output
    report = json.loads(run.stdout.splitlines()[-1])
    (found,) = [f for f in report["findings"] if f["level"] == "fail"]
    assert found["subject"] == "other reader"
    assert f"(pid {thief.pid})" in found["message"]
    assert "python" in found["message"]
    assert found["remedy"].endswith(f"kill {thief.pid}")
    assert not [word for word in BLAME if word in json.dumps(report["findings"])]


def test_scan_names_it_whatever_is_left(own_bus: RunningBus, thief: subprocess.Popen):
    for _ in range(3):
        run = mbctl("scan", "--port", own_bus.port)
        assert run.exit_code in (exit_codes.OK, exit_codes.UNREACHABLE), run.output
        assert f"(pid {thief.pid})" in run.stdout
        assert not [word for word in BLAME if word in run.output]
    run = mbctl("scan", "--port", own_bus.port, "--json")
    (other,) = json.loads(run.stdout.splitlines()[-1])["other_readers"]
    assert other["pid"] == thief.pid


@pytest.mark.parametrize("what", [["--configure"], ["--write-limits"], []])
def test_nothing_is_written_or_measured_beside_it(
    own_bus: RunningBus, thief: subprocess.Popen, what: list[str]
):
    run = mbctl("calibrate", "--port", own_bus.port, "--yes", "--json", *what)
    assert run.exit_code == exit_codes.FAULT, run.output
    error = json.loads(run.stdout.splitlines()[-1])["error"]
    assert error["reason"] == "PORT_SHARED"
    assert f"(pid {thief.pid})" in error["message"]


def test_once_it_has_ended_all_is_well(own_bus: RunningBus):
    run = mbctl("doctor", "--port", own_bus.port)
    assert run.exit_code == exit_codes.OK, run.output
