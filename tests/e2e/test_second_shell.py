"""What an operator types at daemons that were started by hand."""

import json
import signal
import subprocess
import sys
from types import ModuleType

import pytest

from protos import common_pb2
from services.client import ControllerClient


@pytest.fixture
def running(pair):
    """A lockstep controller and a trainer, both serving: their targets."""
    trainer = pair.start_trainer()
    controller = pair.start_controller()
    return controller.target, trainer.target


def wait_for_policy(e2e: ModuleType, controller: str, version: int) -> None:
    with ControllerClient(controller) as client:
        e2e.wait_until(
            lambda: client.status().policy.version >= version,
            f"the robot does not get version {version}",
        )


def test_the_verbs_in_the_order_of_a_day(running: tuple[str, str], e2e: ModuleType):
    controller, trainer = running
    at_controller, at_trainer = ["--target", controller], ["--target", trainer]
    wait_for_policy(e2e, controller, 1)

    early = e2e.mbctl("refit", *at_trainer, "--json")
    assert early.returncode == 4
    assert json.loads(early.stdout)["error"]["reason"] == "NOT_ENOUGH_ROWS"

    ran = e2e.mbctl("episode", "run", "--count", "3", "--watch", *at_controller, "--json")
    assert ran.returncode == 0, ran.stderr
    assert "3/3 " in ran.stderr
    assert " runs 3 training episodes\n" in ran.stderr
    response = json.loads(ran.stdout)
    assert response["rows"] == 3 * e2e.STEPS
    assert [e["index"] for e in response["episodes"]] == [0, 1, 2]
    assert {e["purpose"] for e in response["episodes"]} == {"TRAIN"}

    again = e2e.mbctl_json("episode", "run", *at_controller)
    assert [e["index"] for e in again["episodes"]] == [3]
    mean = e2e.mbctl_json("episode", "run", "--evaluate", "--count", "2", *at_controller)
    assert [(e["purpose"], e["index"]) for e in mean["episodes"]] == [
        ("EVALUATE", 0),
        ("EVALUATE", 1),
    ]
    assert len(e2e.mbctl_json("episode", "list", *at_controller)) == 6
    assert e2e.mbctl_json("robot", "status", *at_controller)["lifecycle"] == "INACTIVE"

    refitted = e2e.mbctl("refit", "--wait", *at_trainer, "--json")
    assert refitted.returncode == 0, refitted.stderr
    version = json.loads(refitted.stdout)
    assert version["train_rows"] == 4 * e2e.STEPS
    wait_for_policy(e2e, controller, version["version"])

    listed = e2e.mbctl_json("policy", "list", *at_controller)
    assert {p["version"] for p in listed if p["loaded"]} == {version["version"]}
    assert e2e.mbctl_json("policy", "load", "1", *at_controller)["version"] == 1
    back = e2e.mbctl_json("policy", "rollback", *at_controller)
    assert (back["version"], back["previous_version"]) == (version["version"], 1)
    assert (back["robot"], back["target"]) == ("dclaw0", controller)
    assert e2e.mbctl_json("policy", "promote", "1", *at_trainer)["promoted"]
    followed = e2e.mbctl_json("policy", "load", "--follow", "promoted", *at_controller)
    assert followed["version"] == 1

    unknown = e2e.mbctl("policy", "load", "999", *at_controller, "--json")
    assert unknown.returncode == 2
    assert json.loads(unknown.stdout)["error"]["reason"] == "UNKNOWN_VERSION"


def test_emergency_stop_and_release(running: tuple[str, str], e2e: ModuleType):
    controller, _ = running
    target = ["--target", controller]
    wait_for_policy(e2e, controller, 1)
    active = e2e.mbctl_json("robot", "activate", *target)
    assert active["lifecycle"] == "ACTIVE"
    assert e2e.mbctl_json("robot", "status", *target)["lifecycle"] == "ACTIVE"

    held = e2e.mbctl("episode", "run", *target, "--json")
    assert held.returncode == 4
    assert json.loads(held.stdout)["error"]["reason"] == "LEASE_HELD"
    ran = e2e.mbctl_json("episode", "run", "--lease", active["lease"], *target)
    assert ran["rows"] == e2e.STEPS
    assert e2e.mbctl_json("robot", "status", *target)["lifecycle"] == "ACTIVE"

    stopped = e2e.mbctl_json("robot", "estop", "--reason", "test", *target)
    assert (stopped["lifecycle"], stopped["torque_off_failed"]) == ("E_STOPPED", [])
    refused = e2e.mbctl("episode", "run", "--lease", active["lease"], *target, "--json")
    assert refused.returncode == 4, refused.stdout
    assert e2e.mbctl_json("robot", "status", *target)["lifecycle"] == "E_STOPPED"
    assert e2e.mbctl_json("robot", "release-estop", *target)["lifecycle"] == "INACTIVE"
    off = e2e.mbctl_json("robot", "deactivate", "--take", *target)
    assert off["lifecycle"] == "INACTIVE"


def test_ctrl_c_on_a_batch_brings_the_robot_to_rest(running: tuple[str, str], e2e: ModuleType):
    controller, _ = running
    wait_for_policy(e2e, controller, 1)
    command = [sys.executable, "-P", "-m", "mbctl", "episode", "run", "--watch", "--count=100000"]
    with subprocess.Popen(
        [*command, "--target", controller],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as batch:
        assert batch.stderr
        while "TRUNCATED" not in batch.stderr.readline():
            assert batch.poll() is None
        batch.send_signal(signal.SIGINT)
        _, err = batch.communicate(timeout=30)
    assert batch.returncode == 4
    assert "CANCELLED" in err

    def at_rest() -> bool:
        status = client.status()
        return status.lifecycle == common_pb2.LIFECYCLE_INACTIVE and not status.HasField("lease")

    with ControllerClient(controller) as client:
        e2e.wait_until(at_rest, "the robot is not at rest")
    assert e2e.mbctl_json("robot", "status", "--target", controller)["lease"] is None


def test_a_second_controller_for_the_same_robot_does_not_start(pair, e2e: ModuleType):
    pair.start_trainer()
    pair.start_controller()
    run = e2e.mbctl(
        "controller", f"--set=run_dir={pair.run_dir / 'controller'}", "--listen=127.0.0.1:0"
    )
    assert run.returncode == 3, run.stderr
    assert "controller" in run.stderr + run.stdout
