"""The command tree: quick help, frozen verbs, exit codes for what needs no daemon."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mbctl import exit_codes
from mbctl.cli.app import app

HEAVY = ("torch", "numpy", "grpc", "mujoco", "pydantic", "matplotlib")

VERBS = {
    (): {
        "controller",
        "trainer",
        "refit",
        "robot",
        "episode",
        "policy",
        "show",
        "up",
        "virtual-bus",
        "doctor",
        "scan",
        "calibrate",
        "estop",
    },
    ("robot",): {
        "status",
        "activate",
        "deactivate",
        "clear-fault",
        "estop",
        "release-estop",
        "jog",
        "reboot-servo",
    },
    ("episode",): {"run", "list", "watch"},
    ("policy",): {"list", "load", "promote", "rollback"},
    ("show",): {
        "config",
        "curves",
        "robots",
        "tasks",
        "algorithms",
        "presets",
        "planners",
        "subscribers",
    },
}


def mbctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "mbctl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nsys.argv = ['mbctl', '--help']\nfrom mbctl.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n"
        f"    heavy = [m for m in {HEAVY} if m in sys.modules]\n"
        "    sys.stderr.write(f'{stop.code} {heavy}')\n"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stderr == "0 []"
    assert "Usage: mbctl" in run.stdout


@pytest.mark.parametrize("path", VERBS)
def test_the_verbs_are_these(path: tuple[str, ...]):
    from typer.main import get_command

    command = get_command(app)
    for name in path:
        command = command.commands[name]  # type: ignore[attr-defined]
    assert set(command.commands) - {"bench"} == VERBS[path]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "arguments",
    [
        ["robot", "status"],
        ["robot", "activate"],
        ["robot", "estop"],
        ["episode", "run", "--count", "2"],
        ["episode", "list"],
        ["policy", "list"],
        ["policy", "rollback"],
        ["refit", "--wait"],
    ],
)
def test_nobody_there_is_exit_code_5(arguments: list[str]):
    run = CliRunner().invoke(app, [*arguments, "--target", "127.0.0.1:1", "--json"])
    assert run.exit_code == exit_codes.UNREACHABLE, run.output
    error = json.loads(run.stdout.splitlines()[-1])["error"]
    assert (error["code"], error["reason"]) == ("UNAVAILABLE", "UNREACHABLE")
    assert "127.0.0.1:1" in error["message"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["robot", "status", "--target", "nowhere"],
        ["robot", "statsu"],
        ["episode", "run", "--count", "0"],
        ["episode", "run", "--first-index", "-1"],
        ["policy", "load"],
        ["policy", "load", "3", "--follow", "latest"],
        ["policy", "load", "--follow", "newest"],
        ["show", "config", "robot"],
        ["controller", "--config", "/nowhere/controller.toml"],
        ["controller", "--check-config", "--set", "robot.nam=left"],
        ["controller", "--check-config", "--listen", "0.0.0.0:50051"],
        ["robot", "status", "--target", "127.0.0.1:1", "--tls", "/nowhere"],
        ["robot", "jog", "FFJ10", "40", "--target", "127.0.0.1:1"],
        ["robot", "jog", "FFJ10", "-30.1", "--target", "127.0.0.1:1"],
        ["robot", "jog", "FFJ10", "5", "--speed", "50", "--target", "127.0.0.1:1"],
        ["doctor", "--robot", "dclow"],
        ["doctor", "--calibration", "/nowhere.json"],
        ["calibrate", "--max-change", "0"],
        ["scan", "--table", "253"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]):
    run = CliRunner().invoke(app, arguments)
    assert run.exit_code == exit_codes.USAGE, run.output


def test_show_config_prints_what_controller_accepts(tmp_path: Path):
    run = mbctl("show", "config", "controller", "--set", "seed=5", "--set", "clock=lockstep")
    assert run.returncode == exit_codes.OK, run.stderr
    path = tmp_path / "controller.json"
    path.write_text(run.stdout)
    check = mbctl("controller", "--config", str(path), "--check-config", "--json")
    assert check.returncode == exit_codes.OK, check.stderr
    assert json.loads(check.stdout) == json.loads(run.stdout)
    assert json.loads(check.stdout)["seed"] == 5


def test_version_is_the_package_s():
    import mbctl as package

    assert mbctl("--version").stdout.strip() == package.__version__
