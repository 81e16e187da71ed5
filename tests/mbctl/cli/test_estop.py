"""mbctl estop, mbctl robot estop: what is read at once, what is imported, what is said."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mbctl import exit_codes
from mbctl.cli.estop import StopCommand, parse, stop

HEAVY = (
    "typer", "click", "rich", "pydantic", "numpy", "torch", "mujoco", "structlog", "protos",
    "google.protobuf", "matplotlib", "dataclasses", "inspect",
)  # fmt: skip


@pytest.fixture(autouse=True)
def nobody_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    tmp_path.chmod(0o700)
    monkeypatch.delenv("MBCTL_TARGET", raising=False)


def imported_by(*arguments: str) -> tuple[int, list[str]]:
    """Exit code of a verb, and what of HEAVY was imported for it."""
    code = (
        "import sys, json\nfrom mbctl.__main__ import main\nheavy = json.loads(sys.argv.pop(1))\n"
        "try:\n    main()\nexcept SystemExit as stop:\n"
        "    found = [name for name in heavy if name in sys.modules]\n"
        "    sys.stderr.write('\\n' + json.dumps([stop.code, found]))\n"
    )
    command = [sys.executable, "-P", "-c", code, json.dumps(HEAVY), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return tuple(json.loads(done.stderr.splitlines()[-1]))


def test_stopping_what_is_here_imports_next_to_nothing():
    assert imported_by("estop") == (exit_codes.UNREACHABLE, [])


def test_stopping_by_call_imports_grpc_and_little_else():
    import_of_grpc = {"dataclasses", "inspect"}
    code, found = imported_by("robot", "estop", "--target", "127.0.0.1:1", "--reason", "x")
    assert code == exit_codes.UNREACHABLE
    reading_the_failure = {"protos", "google.protobuf"}
    assert set(found) <= import_of_grpc | reading_the_failure


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (["estop"], StopCommand(is_local=True)),
        (["estop", "--json"], StopCommand(as_json=True, is_local=True)),
        (["estop", "--reason", "a b"], StopCommand(reason="a b", is_local=True)),
        (["robot", "estop"], StopCommand()),
        (["robot", "estop", "--target=unix:/a"], StopCommand("unix:/a")),
        (
            ["robot", "estop", "--json", "--tls", "/t", "--target", "a:1", "--reason=x=y"],
            StopCommand("a:1", "x=y", Path("/t"), as_json=True),
        ),
    ],
)
def test_what_is_read_at_once(typed: list[str], read: StopCommand):
    assert parse(typed) == read


@pytest.mark.parametrize(
    "typed",
    [
        [],
        ["robot"],
        ["robot", "status"],
        ["--help"],
        ["estop", "--help"],
        ["estop", "--target", "a:1"],
        ["estop", "now"],
        ["robot", "estop", "--reason"],
        ["robot", "estop", "--json=1"],
        ["robot", "estop", "--tagret", "a:1"],
    ],
)
def test_anything_else_is_left_to_the_whole_command_line(typed: list[str]):
    assert parse(typed) is None


def test_the_variable_names_the_target_of_a_call_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MBCTL_TARGET", "left:1")
    assert parse(["robot", "estop"]) == StopCommand("left:1")
    assert parse(["robot", "estop", "--target", "right:1"]) == StopCommand("right:1")
    assert parse(["estop"]) == StopCommand(is_local=True)


def test_without_a_controller_here_the_usual_port_is_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("mbctl.cli.estop.DEFAULT_TARGET", "127.0.0.1:1")
    assert stop(StopCommand(as_json=True)) == exit_codes.UNREACHABLE
    said = json.loads(capsys.readouterr().out)
    assert said["error"]["reason"] == "UNREACHABLE"
    assert said["target"] == "127.0.0.1:1"


def test_nobody_to_signal_is_said(capsys: pytest.CaptureFixture[str]):
    assert stop(StopCommand(is_local=True)) == exit_codes.UNREACHABLE
    assert "no controller of this user runs on this machine" in capsys.readouterr().err
