"""mbctl virtual-bus: a first line of JSON with a port that answers, and an end by SIGTERM."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hal.dynamixel.port import SerialPort
from mbctl import exit_codes
from mbctl.cli.app import app
from tests.services.controller.console_rig import heeding_hangups

PING_11 = bytes.fromhex("FFFFFD00 0B 0300 01 19 C6")


def test_the_first_line_names_a_port_with_servos_behind_it(tmp_path: Path):
    link, record = tmp_path / "claw", tmp_path / "record"
    options = ["--robot", "dclaw", "--port-link", str(link), "--record", str(record)]
    command = [sys.executable, "-P", "-m", "mbctl", "virtual-bus", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            banner = json.loads(process.stdout.readline())
            assert banner["link"] == str(link)
            assert banner["pid"] == process.pid  # no shell, no second process in between
            assert [servo["id"] for servo in banner["servos"]][:3] == [10, 11, 12]
            port = SerialPort(str(link))
            port.write(PING_11)
            answer = port.read_some(time.monotonic_ns() + 5_000_000_000)
            port.close()
            assert answer.startswith(bytes.fromhex("FFFFFD00 0B 0700 55 00 FC03 2D"))
        finally:
            os.kill(process.pid, signal.SIGTERM)
    assert process.returncode == exit_codes.OK
    assert not link.is_symlink()
    assert PING_11 in record.read_bytes()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_and_its_names_go_with_it(tmp_path: Path, signum: signal.Signals):
    link, control = tmp_path / "claw", tmp_path / "control"
    options = ["--port-link", str(link), "--control", str(control)]
    command = [sys.executable, "-P", "-m", "mbctl", "virtual-bus", *options]
    with (
        heeding_hangups(),
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signum)
        process.send_signal(signum)
        assert process.wait(20) == exit_codes.OK
    assert not link.is_symlink()
    assert not control.exists()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--robot", "dcat"], "robot is 'dcat'"),
        (["--baud", "31"], "baud is 31"),
        (["--initial", "stand"], "initial is 'stand'"),
    ],
)
def test_what_cannot_be_is_wrong_usage(options: list[str], what: str):
    run = CliRunner().invoke(app, ["virtual-bus", *options])
    assert run.exit_code == exit_codes.USAGE
    assert what in run.output


def test_a_bus_that_cannot_start_says_so(tmp_path: Path):
    command = [sys.executable, "-P", "-m", "mbctl", "virtual-bus", "--record", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == exit_codes.START_UP
    assert "cannot start" in run.stderr
    assert run.stdout == ""
