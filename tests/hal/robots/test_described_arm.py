"""A robot of another package: one file that describes it and its MJCF, and everything knows it."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hal.backends import BACKENDS, RobotSetup
from hal.child import module_command
from hal.clock import Clock, ManualClock, WallClock
from hal.dynamixel.calibration import default_calibration
from hal.dynamixel.settings import BusSettings
from hal.errors import RobotWriteError
from hal.robot import ResetProgress, Robot
from hal.robots.registry import ROBOTS, robot_spec
from hal.safety import SafetyGate
from hal.types import ResetTarget, RobotState
from mbctl.config import RobotConfig
from sim.robot import MujocoRobot
from sim.servo_bus.client import RunningBus, start_virtual_bus
from tests.conformance.robot import RobotContract
from tests.recipes import install, recipe

SETTINGS = BusSettings(
    bus_period_s=0.05,
    watchdog_s=2.0,
    comm_fault_s=1.0,
    cycle_budget_s=0.05,
    turnaround_s=0.02,
    soft_start_s=0.1,
)


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package of the recipe "A robot" in docs/extending.md."""
    root = install(tmp_path_factory.mktemp("site"), recipe("A robot"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root))
        patch.setenv("PYTHONPATH", str(root))
        importlib.import_module("lab.arm")  # other tests may have looked for entry points before
        yield root
        for name in ("lab.arm", "lab"):
            sys.modules.pop(name)
        ROBOTS._definitions.pop("lab-arm")


@pytest.fixture(scope="module")
def bus(package: Path) -> Iterator[RunningBus]:
    with start_virtual_bus("lab-arm", record=None) as running:
        yield running


def on_bus(bus: RunningBus, clock: Clock, period_s: float) -> Robot:
    for joint in robot_spec("lab-arm").joint_names:
        bus.set_joint(joint, 0.0)
    setup = RobotSetup(
        robot_spec("lab-arm"), period_s, clock, "virtual-bus", port=bus.port, bus=SETTINGS
    )
    return BACKENDS["virtual-bus"].build_robot(setup)


class TestSimulated(RobotContract):
    period_s = 0.1

    @pytest.fixture
    def clock(self) -> Clock:
        return ManualClock()

    @pytest.fixture
    def robot(self, clock: Clock) -> Iterator[Robot]:
        with MujocoRobot("lab-arm", self.period_s, clock) as robot:
            yield robot


def test_another_process_finds_it_by_its_entry_point(package: Path):
    script = "from hal.robots.registry import ROBOTS as r; print(r.names(), r.module('lab-arm'))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "('dclaw', 'dkitty', 'lab-arm') lab.arm"


def test_a_configuration_takes_it_and_names_what_was_meant():
    assert RobotConfig(model="lab-arm").model == "lab-arm"
    with pytest.raises(ValueError, match="'lab-arn'; did you mean 'lab-arm'"):
        RobotConfig(model="lab-arn")


def test_its_values_as_built_are_its_calibration():
    calibration = default_calibration("lab-arm")
    assert [servo.servo_id for servo in calibration.servos] == [101, 102, 103]
    assert calibration.version == "as-built"


def test_the_bus_has_its_servos_of_their_own_models(bus: RunningBus):
    assert [(s["joint"], s["id"], s["model"]) for s in bus.servos] == [
        ("base", 101, 1020), ("shoulder", 102, 1020), ("elbow", 103, 1060),
    ]  # fmt: skip


def run(robot: Robot, clock: Clock, target: np.ndarray, periods: int) -> RobotState:
    """Send it to `target` through the gate; where it came to."""
    gate = SafetyGate(robot.spec, 0.05)
    state, deadline_ns = robot.read(), clock.now_ns()
    for _ in range(periods):
        verdict = gate.check(state, robot.spec.command(target), clock.now_ns())
        assert verdict.command is not None, verdict.message
        robot.write(verdict.command)
        deadline_ns += 50_000_000
        clock.sleep_until(deadline_ns)
        state = robot.read()
    return state


def reset(robot: Robot, clock: Clock, start: ResetTarget) -> list[np.ndarray]:
    """Reset it; the positions that it passed."""
    way = []
    for _ in range(200):
        if robot.reset(start) is ResetProgress.DONE:
            return way
        way.append(robot.read().joint_position_rad)
        clock.sleep_until(clock.now_ns() + 50_000_000)
    pytest.fail("the reset does not end")


def test_it_moves_over_the_bus_and_resets_by_way_of_its_pose(bus: RunningBus):
    clock = WallClock()
    with on_bus(bus, clock, 0.05) as robot:
        robot.configure()
        robot.activate()
        away = np.array([0.6, -0.5, 0.8])
        state = run(robot, clock, away, 40)
        assert np.abs(state.joint_position_rad - away).max() < 0.1
        truth = [bus.state()["joints"][n]["position_rad"] for n in robot.spec.joint_names]
        np.testing.assert_allclose(truth, state.joint_position_rad, atol=0.02)

        start = ResetTarget(np.array([-0.4, 0.0, 0.2]), np.zeros(0))
        way = reset(robot, clock, start)
        nearest = min(np.abs(position - [0.0, 0.3, 0.3]).max() for position in way)
        assert nearest < 0.1
        end = robot.read().joint_position_rad
        assert np.abs(end - start.joint_position_rad).max() < np.radians(5)
        assert robot.deactivate() == ()


def test_a_reset_in_whose_way_something_stands_names_the_joint(bus: RunningBus):
    clock = WallClock()
    with on_bus(bus, clock, 0.05) as robot:
        robot.configure()
        robot.activate()
        bus.disturb("shoulder", -3.0, 30.0)
        with pytest.raises(RobotWriteError, match=r"shoulder is .* degrees off") as caught:
            reset(robot, clock, ResetTarget(np.array([0.0, 0.5, 0.0]), np.zeros(0)))
        assert caught.value.reason == "RESET_FAILED"
        bus.disturb("shoulder", 0.0, 0.0)


def mbctl(*words: str) -> dict:
    done = subprocess.run(
        module_command("mbctl", *words, "--json"),
        capture_output=True, text=True, timeout=100, input="",
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_scan_doctor_and_calibrate_know_it(bus: RunningBus, tmp_path: Path):
    for joint, angle in (("base", 0.0), ("shoulder", 0.0), ("elbow", 0.1)):
        bus.set_joint(joint, angle)
    where = ("--robot", "lab-arm", "--port", bus.port)
    scanned = mbctl("scan", *where, "--baud", "1000000")
    assert {servo["joint"] for servo in scanned["servos"]} == {"base", "shoulder", "elbow"}
    examined = mbctl("doctor", *where)
    assert "all 3 of the lab-arm's servos answer" in json.dumps(examined)
    out = tmp_path / "arm.json"
    mbctl("calibrate", *where, "--yes", "--out", str(out), "--max-change", "5")
    measured = json.loads(out.read_text())
    assert measured["robot_model"] == "lab-arm"
    offsets = [joint["offset_rad"] for joint in measured["joints"]]
    np.testing.assert_allclose(offsets, -np.pi, atol=0.1)
