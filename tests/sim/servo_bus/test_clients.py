"""Clients that others wrote for real servos work on the virtual bus without a change."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sim.servo_bus.oracle import Traffic

HERE = Path(__file__).parent


def run_client(program: str, port: str) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, str(HERE / program), port],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.slow
def test_robel_s_client_moves_the_claw(start_bus):
    bus = start_bus()
    said = run_client("robel_client.py", bus.port)
    for before, after, goal in zip(said["before"], said["after"], said["goals"], strict=True):
        assert after == pytest.approx(goal, abs=0.25)  # they sag under gravity
        assert abs(after - goal) < abs(before - goal) + 0.05
    assert max(abs(velocity) for velocity in said["velocities"]) < 0.2
    found = Traffic(bus.records())
    assert {goal.servo_id for goal in found.goals} == {10, 11, 12, 20, 21, 22, 30, 31, 32}
    assert not any(joint["torque_on"] for joint in bus.state()["joints"].values())


@pytest.mark.slow
def test_lerobot_s_bus_moves_a_finger(start_bus):
    for package in ("lerobot", "deepdiff", "tqdm"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed; LeRobot's bus needs it")
    bus = start_bus(return_delay_us=500.0)
    said = run_client("lerobot_client.py", bus.port)
    assert set(said["found"].values()) == {1020}
    assert len(said["found"]) == 11
    assert said["delays"] == [0, 0, 0]
    assert said["after"]["middle"] == pytest.approx(2200, abs=150)
    assert said["calibration"]["top"] == [0, 0, 4095]
    assert not any(joint["torque_on"] for joint in bus.state()["joints"].values())
