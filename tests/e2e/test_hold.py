"""mbctl robot activate --hold: it ends with the robot's torque, and torque ends with it."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest


@pytest.fixture
def controller(pair) -> str:
    """A controller's target, on a wall clock."""
    return pair.start_controller("wall", "trainer=").target


@contextlib.contextmanager
def holding(controller: str) -> Iterator[subprocess.Popen[str]]:
    """The verb, once the robot is active."""
    command = (sys.executable, "-P", "-m", "mbctl", "robot", "activate", "--hold")
    with subprocess.Popen(
        [*command, "--target", controller],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as held:
        assert held.stderr
        try:
            while "active until Ctrl-C" not in (line := held.stderr.readline()):
                assert line, "it ended before the robot was active"
            yield held
        finally:
            held.kill()


def wait_for_rest(controller: str, e2e: ModuleType, timeout_s: float) -> None:
    def at_rest() -> bool:
        status = e2e.mbctl_json("robot", "status", "--target", controller)
        return status["lifecycle"] == "INACTIVE" and status["lease"] is None

    e2e.wait_until(at_rest, "the robot is not at rest", timeout_s)


def test_it_ends_when_the_robot_was_stopped_and_leaves_the_lease(controller: str, e2e: ModuleType):
    at = ["--target", controller]
    with holding(controller) as held:
        e2e.mbctl_json("robot", "estop", "--reason", "hand in the workspace", *at)
        _, err = held.communicate(timeout=20)
    assert held.returncode == 4
    assert "E_STOPPED: hand in the workspace [EMERGENCY_STOP]" in err
    assert f"dclaw0 at {controller}" in err
    assert e2e.mbctl_json("robot", "release-estop", *at)["lifecycle"] == "INACTIVE"
    assert e2e.mbctl_json("robot", "activate", *at)["lifecycle"] == "ACTIVE"


def test_ctrl_c_brings_the_robot_to_rest(controller: str, e2e: ModuleType):
    with holding(controller) as held:
        held.send_signal(signal.SIGINT)
        _, err = held.communicate(timeout=20)
    assert held.returncode == 0
    assert "INACTIVE" in err
    wait_for_rest(controller, e2e, 5.0)


@pytest.mark.parametrize("end", [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL])
def test_its_end_takes_torque_off_within_seconds(
    controller: str, e2e: ModuleType, end: signal.Signals
):
    with holding(controller) as held:
        held.send_signal(end)
        held.wait(timeout=20)
        wait_for_rest(controller, e2e, 20.0)
