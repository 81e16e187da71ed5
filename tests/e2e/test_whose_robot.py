"""Several robots on one machine: no verb reaches one that was not meant, and a stop reaches all."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An XDG_RUNTIME_DIR of its own."""
    path = tmp_path / "runtime"
    path.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    for name in ("MBCTL_TARGET", "MBCTL_MODEL_TARGET"):
        monkeypatch.delenv(name, raising=False)


def start(e2e: ModuleType, directory: Path, name: str) -> Any:
    directory.mkdir()
    assignments = ("trainer=", "clock=lockstep", f"robot.name={name}")
    return e2e.Daemon("controller", directory, e2e.free_address("127.0.0.1:0"), *assignments)


@pytest.fixture
def left(tmp_path: Path, e2e: ModuleType) -> Iterator[Any]:
    daemon = start(e2e, tmp_path / "a", "left")
    yield daemon
    daemon.stop()


@pytest.fixture
def right(tmp_path: Path, e2e: ModuleType) -> Iterator[Any]:
    daemon = start(e2e, tmp_path / "b", "right")
    yield daemon
    daemon.stop()


def test_the_only_one_is_taken_and_named(left: Any, e2e: ModuleType):
    plain = e2e.mbctl_json("robot", "status")
    assert (plain["robot"], plain["target"]) == ("left", left.target)
    listed = e2e.mbctl("episode", "list")
    assert listed.stdout.startswith(f"left at {left.target}:")
    stopped = e2e.mbctl("robot", "estop")
    assert stopped.returncode == 0, stopped.stderr
    assert stopped.stdout.startswith(f"left at {left.target}: E_STOPPED: torque off in ")
    refused = e2e.mbctl("robot", "activate", "--json")
    assert refused.returncode == 4
    assert f"left at {left.target}" in refused.stderr
    assert json.loads(refused.stdout.splitlines()[-1])["robot"] == "left"
    released = e2e.mbctl_json("robot", "release-estop")
    assert released == {"robot": "left", "target": left.target, "lifecycle": "INACTIVE"}


@pytest.mark.parametrize(
    "verb",
    [
        ["robot", "status"],
        ["robot", "activate", "--yes"],
        ["robot", "release-estop"],
        ["episode", "run"],
        ["policy", "rollback"],
    ],
)
def test_of_several_none_is_taken_unless_one_is_named(
    left: Any, right: Any, e2e: ModuleType, verb: list[str]
):
    refused = e2e.mbctl(*verb, "--json")
    assert refused.returncode == 2
    error = json.loads(refused.stdout.splitlines()[-1])["error"]
    assert error["reason"] == "TARGET_UNCLEAR"
    for daemon, name in ((left, "left"), (right, "right")):
        line = f"--target {daemon.target}  {name}, process {daemon.process.pid}"
        assert line in error["message"]


def test_a_stop_reaches_every_one_and_names_each(left: Any, right: Any, e2e: ModuleType):
    for verb in (["robot", "estop"], ["estop"]):
        stopped = e2e.mbctl(*verb, "--reason", "hand in the workspace", "--json")
        assert stopped.returncode == 0, stopped.stderr
        results = json.loads(stopped.stdout)
        assert {(r["robot"], r["target"], r["lifecycle"]) for r in results} == {
            ("left", left.target, "E_STOPPED"),
            ("right", right.target, "E_STOPPED"),
        }
        for daemon in (left, right):
            status = e2e.mbctl_json("robot", "status", "--target", daemon.target)
            assert status["fault"]["message"] == "hand in the workspace"
            e2e.mbctl_json("robot", "release-estop", "--target", daemon.target)


def test_a_named_target_is_stopped_alone(
    left: Any, right: Any, e2e: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MBCTL_TARGET", right.target)
    by_variable = e2e.mbctl("robot", "estop")
    assert by_variable.stdout.startswith(f"right at {right.target}: E_STOPPED")
    of_left = e2e.mbctl_json("robot", "status", "--target", left.target)
    assert of_left["lifecycle"] == "INACTIVE"
    by_option = e2e.mbctl_json("robot", "estop", "--target", left.target)
    assert (by_option["robot"], by_option["lifecycle"]) == ("left", "E_STOPPED")


def test_a_killed_one_counts_no_more(left: Any, right: Any, e2e: ModuleType):
    right.kill()
    assert e2e.mbctl_json("robot", "status")["robot"] == "left"


def test_a_verb_at_the_wrong_daemon_says_which_would_be_right(left: Any, e2e: ModuleType):
    refused = e2e.mbctl("refit", "--target", left.target)
    assert refused.returncode == 2
    assert "this is the controller of left" in refused.stderr
    assert "MBCTL_MODEL_TARGET" in refused.stderr
