"""The emergency stop by SIGUSR1: real controllers whose event loop runs, is held up, or stopped."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from hal.lifecycle import Lifecycle
from mbctl import exit_codes
from services.estop.by_call import stop_by_call
from services.estop.by_signal import stop_by_signal
from services.estop.result import UNCONFIRMED
from services.local_daemons import CONTROLLER, local_daemons

MBCTL = (sys.executable, "-P", "-m", "mbctl")
WALL = {"clock": "wall"}

# A controller whose event loop can be held up: a status asked for while the file is there returns
# only when it has gone.
_HELD_UP = """
import os, sys, time
from mbctl.config import ControllerConfig
from services.controller.daemon import run_controller
from services.controller.report import StatusReport
build = StatusReport.build
def slow(self):
    while os.path.exists(sys.argv[1]):
        open(sys.argv[1] + ".held", "w").close()
        {wait}
    return build(self)
StatusReport.build = slow
sys.exit(run_controller(ControllerConfig.model_validate_json(sys.stdin.read())))
"""


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    """An XDG_RUNTIME_DIR of its own."""
    path = tmp_path / "runtime"
    path.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))


@pytest.fixture
def run_dir(tmp_path):
    return tmp_path / "run"


@contextlib.contextmanager
def active(client):
    """The robot has torque and a lease that lives."""
    with client.lease("tester", window_s=60.0) as lease:
        client.activate(lease)
        yield
        lease.leave()


def stop_all():
    return list(stop_by_signal(local_daemons(CONTROLLER), "hand in the workspace", 30.0))


def test_the_signal_stops_the_robot_and_the_answer_is_what_was_reached(start_controller, run_dir):
    controller = start_controller(run_dir, **WALL)
    with controller.client() as client, active(client):
        (result,) = stop_all()
        assert (result.robot, result.target) == ("dclaw0", client.caller.target)
        assert (result.lifecycle, result.reason, result.exit_code) == ("E_STOPPED", "", 0)
        assert 0.0 < result.latency_ms < 5000.0
        status = client.status()
        assert status.lifecycle == Lifecycle.E_STOPPED
        assert (status.fault.reason, status.fault.message) == (
            "EMERGENCY_STOP",
            "hand in the workspace",
        )
        assert client.release_emergency_stop().lifecycle == Lifecycle.INACTIVE
        (again,) = stop_all()
        assert again.lifecycle == "E_STOPPED"
    assert controller.stop() == exit_codes.OK
    assert local_daemons(CONTROLLER) == []


def test_a_stop_by_call_says_whose_robot_it_was_and_what_was_reached(start_controller, run_dir):
    controller = start_controller(run_dir, robot={"name": "left"}, **WALL)
    with controller.client() as client, active(client):
        result = stop_by_call(client.caller.target, None, "hand in the workspace")
        assert (result.robot, result.target) == ("left", client.caller.target)
        assert (result.lifecycle, result.reason, result.exit_code) == ("E_STOPPED", "", 0)
        assert result.latency_ms > 0.0
        assert client.status().fault.message == "hand in the workspace"


@pytest.mark.parametrize("threads", ["1", "4"])
def test_threads_that_a_library_began_before_do_not_matter(
    start_controller, run_dir, threads, monkeypatch
):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, threads)
    controller = start_controller(run_dir)
    with controller.client() as client:
        for _ in range(5):
            (result,) = stop_all()
            assert (result.lifecycle, result.reason) == ("E_STOPPED", "")
            client.release_emergency_stop()
    assert controller.stop() == exit_codes.OK


def test_a_signal_without_a_reason_says_who_sent_it(start_controller, run_dir, wait_for):
    controller = start_controller(run_dir)
    with controller.client() as client:
        os.kill(controller.process.pid, signal.SIGUSR1)
        wait_for(lambda: client.status().lifecycle == Lifecycle.E_STOPPED)
        message = client.status().fault.message
    assert message == f"SIGUSR1 from process {os.getpid()}"


@pytest.mark.parametrize("wait", ["time.sleep(0.01)", "pass"], ids=["asleep", "busy"])
def test_an_event_loop_that_is_held_up_does_not_hold_up_the_stop(
    start_controller, run_dir, tmp_path, wait_for, wait
):
    hold = tmp_path / "hold"
    program = _HELD_UP.replace("{wait}", wait)
    controller = start_controller(run_dir, program=[program, str(hold)], **WALL)
    with controller.client() as client, active(client):
        hold.touch()
        asked = subprocess.Popen(
            [*MBCTL, "robot", "status", "--target", client.caller.target],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: (tmp_path / "hold.held").exists())
        (result,) = stop_all()
        assert hold.exists()
        assert (result.lifecycle, result.reason) == ("E_STOPPED", "")
        hold.unlink()
        asked.wait(30)
        wait_for(lambda: client.status().fault.message == "hand in the workspace")
        assert client.status().lifecycle == Lifecycle.E_STOPPED


def test_a_controller_that_stands_still_is_told_of_and_holds_up_no_other(
    start_controller, tmp_path
):
    left = start_controller(tmp_path / "left", robot={"name": "left"}, **WALL)
    with left.client():
        right = start_controller(tmp_path / "right", robot={"name": "right"}, **WALL)
    with right.client() as client, active(client):
        os.kill(left.process.pid, signal.SIGSTOP)
        begin = time.monotonic()
        results = {}
        for result in stop_by_signal(local_daemons(CONTROLLER), "help", 6.0):
            results[result.robot] = (result, time.monotonic() - begin)
        os.kill(left.process.pid, signal.SIGCONT)
    stopped, after_s = results["right"]
    assert (stopped.lifecycle, stopped.exit_code) == ("E_STOPPED", exit_codes.OK)
    assert after_s < 5.0  # the hung one is given 6
    hung, _ = results["left"]
    assert (hung.lifecycle, hung.reason) == ("", UNCONFIRMED)
    assert hung.exit_code == exit_codes.FAULT
    assert f"process {left.process.pid} got the signal" in hung.message


def test_a_signal_while_the_controller_stops_takes_torque_off_at_once(start_controller, run_dir):
    controller = start_controller(run_dir, **WALL)
    with controller.client() as client, active(client):
        controller.process.terminate()
        (result,) = stop_all()
    assert controller.process.wait(15) == exit_codes.OK
    assert result.robot == "dclaw0"
    assert (result.lifecycle == "E_STOPPED") or "has ended" in result.message


def test_a_signal_before_the_control_process_is_there_is_latched(
    start_controller, run_dir, wait_for
):
    controller = start_controller(run_dir)
    wait_for(lambda: local_daemons(CONTROLLER) or controller.process.poll() is not None)
    os.kill(controller.process.pid, signal.SIGUSR1)
    with controller.client() as client:
        wait_for(lambda: client.status().lifecycle == Lifecycle.E_STOPPED)


def test_a_process_that_only_has_the_same_id_gets_no_signal(tmp_path):
    bystander = subprocess.Popen(
        [sys.executable, "-P", "-c", "import sys; sys.stdin.read()"], stdin=-1
    )
    directory = tmp_path / "runtime" / "mbctl"
    directory.mkdir(mode=0o700)
    fields = {
        "kind": CONTROLLER,
        "name": "left",
        "address": "127.0.0.1:1",
        "run_dir": "/",
        "pid": bystander.pid,
        "started": 1,
        "stops": 0,
        "answer": {},
        "path": "",
    }
    path = directory / f"controller-{bystander.pid}.json"
    path.write_text(json.dumps(fields))
    assert local_daemons(CONTROLLER) == []
    from services.local_daemons import LocalDaemon

    (result,) = stop_by_signal([LocalDaemon(**fields | {"path": path})], "help")
    assert "has ended" in result.message
    assert bystander.poll() is None
    bystander.kill()
    bystander.communicate()
