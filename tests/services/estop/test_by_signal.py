"""What a controller of another version answers is told, and keeps no other answer from being."""

import subprocess
import sys

import pytest

from mbctl import exit_codes
from services.estop.by_signal import stop_by_signal
from services.estop.result import UNCONFIRMED
from services.local_daemons import CONTROLLER, local_daemons

_CONTROLLER = """
import json, signal, sys
from pathlib import Path
from services.local_daemons import announced
with announced("controller", sys.argv[1], Path("run")) as announcement:
    signal.signal(signal.SIGUSR1, lambda *_: announcement.answer(json.loads(sys.argv[2])))
    print("announced", flush=True)
    sys.stdin.read()
"""
GOOD = '{"lifecycle": "E_STOPPED", "latency_ms": 1.5, "torque_off_failed": []}'


@pytest.mark.parametrize(
    "answer",
    [
        '{"lifecycle": "E_STOPPED"}',
        '{"lifecycle": "E_STOPPED", "latency_ms": "soon", "torque_off_failed": []}',
        '{"lifecycle": "E_STOPPED", "latency_ms": 1.5, "torque_off_failed": null}',
    ],
)
def test_an_answer_that_cannot_be_read_is_a_failure_of_that_one(tmp_path, monkeypatch, answer):
    (tmp_path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", _CONTROLLER, name, said], stdin=pipe, stdout=pipe
        )
        for name, said in (("left", answer), ("right", GOOD))
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"announced\n"
        results = {r.robot: r for r in stop_by_signal(local_daemons(CONTROLLER), "smoke", 10.0)}
    finally:
        for process in processes:
            process.communicate()
    assert (results["right"].lifecycle, results["right"].reason) == ("E_STOPPED", "")
    assert (results["left"].lifecycle, results["left"].reason) == ("", UNCONFIRMED)
    assert "cut the power" in results["left"].message
    assert results["left"].exit_code == exit_codes.FAULT
