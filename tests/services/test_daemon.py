"""Signals, drain and exit codes of a real process."""

import contextlib
import json
import signal
import subprocess
import sys
import time

import pytest

from hal.stop_signals import REPEAT_S
from mbctl import exit_codes

_PROGRAM = """
import asyncio, sys
from mbctl.exit_codes import StartUpError
from services.daemon import run_until_signalled
from services.telemetry import configure_logging

async def serve(stop):
    if MODE == "no_start":
        raise StartUpError("port 1 is taken")
    if MODE == "broken":
        raise ValueError("boom")
    if MODE == "by_itself":
        stop.set()
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
    await stop.wait()
    if MODE == "by_itself":
        await asyncio.sleep(1)
        return 4
    if MODE == "stuck":
        await asyncio.sleep(60)
    return 0

MODE = sys.argv[1]
configure_logging("test")
sys.exit(run_until_signalled(serve, drain_s=float(sys.argv[2])))
"""


@contextlib.contextmanager
def _daemon(mode: str, drain_s: float = 5.0):
    arguments = [sys.executable, "-P", "-c", _PROGRAM, mode, str(drain_s)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _events(stderr: str) -> list[dict]:
    return [json.loads(line) for line in stderr.splitlines()]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_one_signal_stops_cleanly(signum):
    with _daemon("clean") as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signum)
        _, stderr = process.communicate(timeout=20)
        assert process.returncode == exit_codes.OK
    assert [e["event"] for e in _events(stderr)] == ["stopping"]


def test_the_first_signal_does_not_cut_short_what_stops_by_itself():
    with _daemon("by_itself") as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == exit_codes.FAULT


def test_a_second_signal_forces_the_end():
    with _daemon("stuck") as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert "stopping" in process.stderr.readline()
        time.sleep(REPEAT_S)  # sooner it would be the same request
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 128 + signal.SIGTERM


def test_a_drain_that_takes_too_long_is_cut_off():
    with _daemon("stuck", drain_s=0.2) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=20)
        assert process.returncode == 128 + signal.SIGTERM
    assert _events(stderr)[-1]["why"] == "drain_too_long"


def test_a_start_up_error_has_its_exit_code_and_its_message():
    with _daemon("no_start") as process:
        _, stderr = process.communicate(timeout=20)
        assert process.returncode == exit_codes.START_UP
    assert _events(stderr)[-1]["message"] == "port 1 is taken"


def test_an_unexpected_end_is_a_fault_with_its_traceback():
    with _daemon("broken") as process:
        _, stderr = process.communicate(timeout=20)
        assert process.returncode == exit_codes.FAULT
    assert "ValueError: boom" in _events(stderr)[-1]["exception"]
